"""Canonicalization patterns for recurrent ops."""

from __future__ import annotations

from ...dialects.core.ir import Value
from ...dialects.core.module import Module
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.recurrence import Gru, Lstm, Recurrence, Rnn
from ..patterns.matching import is_splat
from ..patterns.rewrite import Rewriter, pattern


@pattern("zero-state", Lstm, Gru, Rnn)
def zero_state(op: Recurrence, rewriter: Rewriter) -> bool:
    """lstm, gru or rnn(x, zeros) => the same from no initial state, which is zeros"""
    zeros = {value for value in op.initial_states if _is_zero(value, rewriter.module)}
    if not zeros:
        return False
    operands = [None if value in zeros else value for value in op.operands]
    attributes = {name: value for name, value in op.attributes.items() if value is not None}
    rewriter.replace(op, *rewriter.insert(type(op)(*operands, **attributes)).results)
    return True


def _is_zero(value: Value | None, module: Module) -> bool:
    """Whether VALUE is zeros, a constant or moved from one."""
    while value is not None and isinstance(value.producer, (Expand, Reshape, Slice, Transpose)):
        value = value.producer.x
    return is_splat(value, 0, module)


PATTERNS = (zero_state,)
