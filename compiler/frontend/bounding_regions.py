"""Sizes that data decides in the regions of control flow: counts are passed to them as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...dialects.control import ControlOp, Loop
from ...dialects.core.ir import Operation
from ...dialects.graph.binary import Min
from ...errors.diagnostic import Diagnostic
from .masks import Masks
from .regions import isolated

Bounded = Callable[[Masks, Operation], Iterator[Diagnostic]]


def bounded_control(masks: Masks, op: ControlOp, bounded: Bounded) -> Iterator[Diagnostic]:
    """Make OP and what its regions hold right, op by op by BOUNDED; a message where that is not possible."""
    if isinstance(op, Loop):
        _limit(masks, op)
    blocks = [region.block for region in op.regions]
    for block in blocks:
        with masks.inside():
            for inner in list(block):
                yield from bounded(masks, inner)
    op.add_captures(isolated(blocks))


def _limit(masks: Masks, loop: Loop) -> None:
    """Let a count on the device end LOOP, whose count becomes the largest."""
    if loop.count is None or not masks.depends(loop.count):
        return
    count = masks.count(loop.count)
    loop.set_operand(0, count if loop.trip is None else masks.emit(Min, loop.trip, count))
