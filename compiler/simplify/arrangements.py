"""Canonicalization of chains of data movement: transposes, and slices behind them, as one arrangement.

Exporters of nn.MultiheadAttention put tokens before the batch, stack queries, keys and values, and merge
heads with the batch, each by a reshape or a transpose.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.ir import Operation
from ...dialects.graph.movement.reshape import Transpose
from ...dialects.graph.movement.slicing import Slice
from ..patterns.arrange import arranged, moves
from ..patterns.arrangement import MOVES, Rearrangement, moves_into, paths_from
from ..patterns.rewrite import Rewriter, pattern


@pattern("moves-as-one", *MOVES)
def moves_as_one(op: Operation, rewriter: Rewriter) -> bool:
    """transpose(slice(reshape(transpose(x)))) and so on => transpose(reshape(slice(x))), where that is fewer
    transposes, moves only what the slices need, or is fewer ops"""
    if op.result.uses and all(isinstance(user, MOVES) for user, _ in op.result.uses):
        return False
    source, chain = moves_into(op.result)
    turns = [step for step in chain if isinstance(step, Transpose)]
    behind = [step for step in chain[_place(chain) :] if isinstance(step, Slice)]
    if not turns or (behind and len(turns) == 1 and not _is_only_sliced(turns[0])):
        return False
    found = Rearrangement.through(source.type.shape, chain)
    ops = [] if found is None else [kind for kind, _ in moves(found)]
    if found is None or (ops.count(Transpose), 0, len(ops)) >= (len(turns), len(behind), len(chain)):
        return False
    rewriter.replace(op, arranged(source, found, rewriter.insert), absorbed=chain[:-1])
    return True


def _place(chain: Sequence[Operation]) -> int:
    """The place of the first transpose in CHAIN, or the end."""
    return next((place for place, op in enumerate(chain) if isinstance(op, Transpose)), len(chain))


def _is_only_sliced(turn: Transpose) -> bool:
    """Whether nothing but slices is read of what TURN gives: then it need not be whole."""
    value = turn.result
    if all(isinstance(user, Slice) for user, _ in value.uses):  # quick, as there may be one for each step
        return True
    return all(any(isinstance(op, Slice) for op in path) for path in paths_from(value))


PATTERNS = (moves_as_one,)
