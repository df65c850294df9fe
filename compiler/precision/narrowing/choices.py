"""Values that decide a number of elements, such as the boxes and scores of detectors.

Rounding them does not change a result a little: another box is kept. Boxes of different classes are even told
apart by offsets in the ten thousands, which 16 bits represent in steps of 32. So everything that a count is
computed from stays exact, back to the last contractions; the features that these multiply are rounded
already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ....dialects.control import ControlOp, If, Loop
from ....dialects.core.ir import Block, Value
from ....dialects.core.module import Function
from .demands import is_product


def deciding(function: Function) -> set[Value]:
    """The values of FUNCTION, and of its regions, that the counts of cut outputs are computed from.

    Values before the last contractions are left out.
    """
    assert function.module is not None  # it is part of one
    counts = {cut.count for cut in function.module.cuts}
    if not counts:
        return set()
    sources = _Sources(function.block)
    returned = zip(function.outputs, function.returned, strict=True)
    pending = [value for name, value in returned if name in counts]
    found = set(pending)
    while pending:
        fresh = sources.of[pending.pop()] - found
        found |= fresh
        pending += fresh
    return found


class _Sources:
    """The values that each value is computed from directly; none for the result of a contraction."""

    def __init__(self, block: Block) -> None:
        self.of: dict[Value, set[Value]] = defaultdict(set)
        self._walk(block)

    def _walk(self, block: Block) -> None:
        for op in block:
            for region in op.regions:
                self._walk(region.block)
            if isinstance(op, ControlOp):
                self._control(op)
            elif op.regions:
                self._add(op.results, op.regions[0].block.terminator.inputs)
                self._add(op.regions[0].block.arguments, op.inputs)
            elif not is_product(op):
                for value in op.results:
                    self.of[value].update(op.inputs)

    def _control(self, op: ControlOp) -> None:
        for value, argument in op.passed():
            self.of[argument].add(value)
        if isinstance(op, If):
            for region in op.regions:
                self._add(op.results, region.block.terminator.inputs)
            decided: Iterable[Value | None] = (op.condition,)
        else:
            assert isinstance(op, Loop)
            carried = op.body.block.arguments[1 : 1 + op.carried]
            for given in (op.initial, op.yielded[: op.carried]):
                self._add(carried, given)
                self._add(op.results, given)
            self._add(op.results, op.yielded)
            decided = (op.trip, op.condition, op.yielded_condition)
        for value in op.results:
            self.of[value].update(each for each in decided if each is not None)

    def _add(self, values: Iterable[Value], made_of: Iterable[Value]) -> None:
        for value, source in zip(values, made_of, strict=False):
            self.of[value].add(source)
