"""Canonicalization of chains of data movement: transposes, and slices behind them, as one arrangement.

Exporters of nn.MultiheadAttention put tokens before the batch, stack queries, keys and values, and merge
heads with the batch, each by a reshape or a transpose.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.ir import Operation
from ...dialects.graph.movement.reshape import Transpose
from ...dialects.graph.movement.slicing import Slice
from ..patterns.arrange import arranged
from ..patterns.arrangement import MOVES, Rearrangement, moves_into, paths_from
from ..patterns.rewrite import Rewriter, pattern


@pattern("moves-as-one", *MOVES)
def moves_as_one(op: Operation, rewriter: Rewriter) -> bool:
    """transpose(slice(reshape(transpose(x)))) and so on => transpose(reshape(slice(x))), where that is fewer
    transposes, or moves only what the slices need"""
    if op.result.users and all(isinstance(user, MOVES) for user in op.result.users):
        return False
    source, chain = moves_into(op.result)
    turns = [step for step in chain if isinstance(step, Transpose)]
    if not turns or (len(turns) == 1 and not _sliced_behind(chain, turns[0])):
        return False
    found = Rearrangement.through(source.type.shape, chain)
    if found is None:
        return False
    rewriter.replace(op, arranged(source, found, rewriter.insert), absorbed=chain[:-1])
    return True


def _sliced_behind(chain: Sequence[Operation], turn: Transpose) -> bool:
    """Whether a slice of CHAIN stands behind TURN, of which nothing but slices is read."""
    behind = chain[list(chain).index(turn) + 1 :]
    paths = paths_from(turn.result)
    return any(isinstance(op, Slice) for op in behind) and all(
        any(isinstance(op, Slice) for op in path) for path in paths
    )


PATTERNS = (moves_as_one,)
