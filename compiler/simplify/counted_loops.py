"""Loops that count by themselves, as frameworks write loops over steps: while i < n, with i carried along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...dialects.control import ControlYield, Loop, captured
from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import I64
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.sizes.proofs import Proofs
from ...dialects.graph.binary import Add, And, Greater, GreaterEqual, Less, LessEqual, Mul, Sub
from ...dialects.graph.constants import Constant, Dims, constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.reshape import Reshape
from ..patterns.matching import is_splat
from ..patterns.rewrite import Rewriter, pattern
from .control_flow import without_carried


@dataclass(frozen=True)
class Line:
    """An integer `base` + `slope` * i in the iteration i of a loop; plus `own` times a carried value that is
    asked about."""

    base: Dim
    slope: int = 0
    own: int = 0

    def plus(self, other: Line, sign: int = 1) -> Line:
        mine, others = (self.slope, self.own), (other.slope, other.own)
        slope, own = (a + sign * b for a, b in zip(mine, others, strict=True))
        return Line(self.base + sign * other.base, slope, own)


@pattern("counted-loop", Loop)
def counted_loop(op: Loop, rewriter: Rewriter) -> bool:
    """loop while i < n {..} => a loop of n iterations"""
    if op.condition is None or op.count is None or op.trip is not None:
        return False
    assert op.yielded_condition is not None
    if not is_splat(op.condition, True, rewriter.module):
        return False
    if not _Lines(op, rewriter.module).always(op.yielded_condition):
        return False
    block, values = op.body.block, op.yielded
    old = block.terminator
    block.insert_before(old, ControlYield(*values, loc=old.location))
    old.erase()
    attributes = {"carried": op.carried, "count": op.count}
    regions, op.regions = op.regions, ()
    made = Loop(None, None, *op.values, regions=regions, loc=op.location, **attributes)
    rewriter.insert(made)
    rewriter.replace(op, *made.results)
    return True


@pattern("loop-counter", Loop)
def loop_counter(op: Loop, rewriter: Rewriter) -> bool:
    """loop(n){n + 1} => n + i in iteration i"""
    if op.may_end or op.count is None:
        return False
    lines = _Lines(op, rewriter.module)
    found: dict[int, Line] = {}
    for at, state in enumerate(op.body.block.arguments[1 : 1 + op.carried]):
        line = lines.of(state)
        if line is not None:
            found[at] = line
    if not found or len(found) == len(op.results):
        return False
    for at, line in found.items():
        state, result = op.body.block.arguments[1 + at], op.results[at]
        if state.uses:
            rewriter.replace_value(state, _counted(op, state, line, rewriter))
        if result.uses:
            end = rewriter.insert(Dims(values=[line.base + line.slope * op.count], scalar=True))
            rewriter.replace_value(result, _like(end.result, result, rewriter))
    without_carried(op, rewriter, set(found), [])
    return True


def _counted(op: Loop, state: Value, line: Line, rewriter: Rewriter) -> Value:
    """STATE, carried by OP, as LINE has it, computed where an iteration begins."""
    first, value = op.body.block.first, op.iteration
    if line.slope != 1:
        slope = rewriter.insert(constant(rewriter.module, np.array(line.slope, np.int64)), before=first)
        value = rewriter.insert(Mul(value, slope.result), before=first).result
    if line.base != 0:
        base: Operation = Dims(values=[line.base], scalar=True)
        if isinstance(line.base, int):
            base = constant(rewriter.module, np.array(line.base, np.int64))
        value = rewriter.insert(Add(value, rewriter.insert(base, before=first).result), before=first).result
    return _like(value, state, rewriter, first)


def _like(value: Value, other: Value, rewriter: Rewriter, before: Operation | None = None) -> Value:
    """VALUE, an i64 scalar, in the type and the shape of OTHER."""
    if other.type.dtype != I64:
        value = rewriter.insert(Cast(value, to=other.type.dtype), before=before).result
    if other.type.rank:
        value = rewriter.insert(Reshape(value, shape=other.type.shape), before=before).result
    return value


class _Lines:
    """The integers of LOOP, in MODULE, that are on a line; of carried values only `asked`, where one is."""

    def __init__(self, loop: Loop, module: Module, asked: Value | None = None) -> None:
        self.loop, self.module, self.asked = loop, module, asked
        self._known: dict[Value, Line | None] = {loop.iteration: Line(0, 1)}
        if asked is not None:
            self._known[asked] = Line(0, own=1)

    def of(self, value: Value) -> Line | None:
        """What VALUE is in each iteration; None if it is not known to be on a line."""
        if value not in self._known:
            self._known[value] = self._found(value)
        return self._known[value]

    def _found(self, value: Value) -> Line | None:
        dtype = value.type.dtype
        if value.type.elements != 1 or dtype.kind != "signed" or dtype.bits < 32:
            return None  # no number, or one that may wrap within a loop
        op = value.producer
        if op is None:
            return self._of_argument(value)
        if isinstance(op, Constant):
            return Line(int(op.array(self.module).item()))
        if isinstance(op, Dims):
            return Line(op.values[0])
        if isinstance(op, (Add, Sub)):
            a, b = (self.of(each) for each in op.inputs)
            return None if a is None or b is None else a.plus(b, -1 if isinstance(op, Sub) else 1)
        return self.of(op.inputs[0]) if isinstance(op, (Cast, Reshape)) else None

    def _of_argument(self, value: Value) -> Line | None:
        outside = captured(value)
        if outside is not value:
            return self.of(outside) if isinstance(outside.producer, (Constant, Dims)) else None
        place = value.index - 1
        if self.asked is not None or value.owner is not self.loop.body.block or place >= self.loop.carried:
            return None
        first = self.of(self.loop.initial[place])
        step = _Lines(self.loop, self.module, value).of(self.loop.yielded[place])
        if first is None or first.slope or step is None:
            return None
        if step.own == 1 and not step.slope and isinstance(step.base, int):
            return Line(first.base, step.base)
        return Line(first.base, step.slope) if not step.own and first.base == step.base - step.slope else None

    def always(self, condition: Value) -> bool:
        """Whether CONDITION, of the next iteration, is true in all of them but the last."""
        op = condition.producer
        if isinstance(op, Reshape):
            return self.always(op.x)
        if isinstance(op, And):
            return all(self.always(each) for each in op.inputs)
        if isinstance(op, (Less, LessEqual, Greater, GreaterEqual)):
            a, b = (self.of(each) for each in op.inputs)
            if a is None or b is None:
                return False
            low, high = (a, b) if isinstance(op, (Less, LessEqual)) else (b, a)
            room = high.plus(low, -1).plus(Line(1), -1 if isinstance(op, (Less, Greater)) else 0)
            count = self.loop.count
            assert count is not None
            least = room.base if room.slope >= 0 else room.base + room.slope * (count - 2)
            return Proofs(self.module).proves(least)
        return is_splat(condition, True, self.module)


PATTERNS = (counted_loop, loop_counter)
