"""Sequences that end before the last step: states that a loop keeps beyond the end of each."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.ir import Value
from ....dialects.graph.binary import Greater, GreaterEqual, Less, LessEqual, Sub
from ....dialects.graph.elementwise import Cast, Where
from ....dialects.graph.movement.reshape import Reshape
from .body import StepBody, bare


@dataclass(frozen=True)
class Live:
    """Whether a step is within a sequence: where `condition` is true, or false if `ended`. lengths: those of
    the sequences, a value of the body."""

    condition: Value
    ended: bool
    lengths: Value

    def chosen(self, value: Value) -> tuple[Value, Value] | None:
        """What VALUE is within a sequence, and beyond its end; None if it is no such choice."""
        op = bare(value).producer
        if not isinstance(op, Where) or unshaped(op.condition) is not self.condition:
            return None
        if op.condition.type.shape[-1:] not in ((), (1,)):
            return None  # columns are chosen, not sequences
        return (op.y, op.x) if self.ended else (op.x, op.y)


def live_of(body: StepBody, value: Value) -> Live | None:
    """By what VALUE is chosen, if that is the length of its sequence."""
    op = bare(value).producer
    if not isinstance(op, Where):
        return None
    condition = unshaped(op.condition)
    test = condition.producer
    if not isinstance(test, (Less, LessEqual, Greater, GreaterEqual)):
        return None
    ended = isinstance(test, (LessEqual, GreaterEqual))
    step_first = isinstance(test, (Less, GreaterEqual))
    lengths = _lengths(body, *(test.inputs if step_first else test.inputs[::-1]))
    return None if lengths is None else Live(condition, ended, lengths)


def _lengths(body: StepBody, low: Value, high: Value) -> Value | None:
    """The lengths of sequences of which LOW < HIGH asks whether a step is within."""
    high = unshaped(high)
    rest = high.producer
    if body.is_splat(low, 0) and isinstance(rest, Sub) and high.type.dtype.kind == "signed":
        # how many steps are left
        low, high = rest.inputs[1], unshaped(rest.inputs[0])
    if unshaped(low) is not body.loop.iteration or body.depends(high) or not high.type.dtype.is_integer:
        return None
    return high


def unshaped(value: Value) -> Value:
    """VALUE before reshapes, and casts of integers to types that hold any number of steps."""
    while isinstance(op := value.producer, (Reshape, Cast)):
        if isinstance(op, Cast) and not (op.x.type.dtype.is_integer and op.to.is_integer):
            break
        if isinstance(op, Cast) and op.to.bits < 32:
            break
        value = op.inputs[0]
    return value
