"""Builds the loops of control flow (`regions.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...dialects.control import ITERATION, ControlYield, Loop
from ...dialects.core.affine import Affine, Dim
from ...dialects.core.dtypes import BOOL, I64
from ...dialects.core.ir import Block, Region, Value
from ...dialects.graph.binary import Add
from ...dialects.graph.movement.slicing import Slice
from .builder import Builder
from .counts import count_of_data, cut_to
from .loop_bounds import LoopBounds
from .problems import Malformed, Refused
from .regions import check_known_outside, isolated, placed, region, unchanged
from .tensor import Tensor

UNBOUNDED = "nothing bounds how many elements its scan outputs have: give it a trip count"


class Step(NamedTuple):
    """The results of an iteration: the carried values, an element of every scan output, and whether to
    continue.

    The last is None where only the trip count ends the loop.
    """

    carried: Sequence[Tensor]
    elements: Sequence[Tensor] = ()
    more: Tensor | None = None


Count = Dim | Tensor | None
"""The most iterations of a loop: a size, a scalar on the device, or no limit."""


class Ends(NamedTuple):
    """What ends a loop: a `size`, the `trip` count, and the condition `more` of the next iteration (both
    data).

    Each may be None.
    """

    size: Dim | None
    trip: Tensor | None
    more: Tensor | None


def loop(
    builder: Builder,
    count: Count,
    condition: Tensor | None,
    initial: Sequence[Tensor],
    body: Callable[[Tensor, list[Tensor]], Step],
    most: Dim | None = None,
) -> list[Tensor]:
    """The results of a `control.loop` of at most COUNT iterations: carried values and stacked scan elements.

    CONDITION guards the first iteration; INITIAL are the carried values; MOST bounds a COUNT on the device.
    BODY is called once, with the iteration and the carried values. If data ends the loop, scan outputs are in
    memory for the most iterations and cut to the actual number. Raises Refused if a carried value changes its
    shape, or if nothing bounds the number of scan elements.
    """
    values = [builder.value(tensor) for tensor in initial]
    with region(builder, [ITERATION, *(value.type for value in values)]) as block:
        iteration, *carried = map(Tensor.of, block.arguments)
        if isinstance(count, (int, Affine)):
            builder.iterations[block.arguments[0]] = count
        with builder.sizes_known.assuming([count - 1] if isinstance(count, (int, Affine)) else []):
            step = body(iteration, carried)
        ends = _settled(builder, count, step.more, most)
        conditional = condition is not None or ends.more is not None
        counted = bool(step.elements) and (conditional or ends.trip is not None)
        if counted:
            ends = _bounded(builder, block, ends, values, step)
            step = _counting(builder, block, step)
            values.append(builder.value(builder.constant(0, I64)))
        first = [_truth(builder, ends.more)] if conditional else []
        elements = [builder.value(each) for each in step.elements]
        check_known_outside(builder, block, elements, "an element of its scan outputs")
        block.append(ControlYield(*first, *_kept(builder, step, values), *elements))
    going = _truth(builder, condition) if conditional else None
    results = _placed(builder, block, ends, going, values)
    return _cut(builder, results, len(initial), ends.size) if counted else results


def _placed(
    builder: Builder, block: Block, ends: Ends, going: Value | None, values: Sequence[Value]
) -> list[Tensor]:
    """The results of the loop with the region BLOCK and the initial VALUES, if GOING is true."""
    trip = None if ends.trip is None else builder.value(ends.trip)
    operands, regions = (trip, going, *values, *isolated([block])), [Region(block)]
    op = Loop(*operands, regions=regions, loc=builder.location, carried=len(values), count=ends.size)
    return placed(builder, op)


def _kept(builder: Builder, step: Step, values: Sequence[Value]) -> list[Value]:
    """The carried values of STEP, with the types of VALUES."""
    pairs = enumerate(zip(step.carried, values, strict=True))
    return [unchanged(builder, one, other.type, f"carried value {at}") for at, (one, other) in pairs]


# ---------------------------------------------------------------- how many elements there are


def _bounded(builder: Builder, block: Block, ends: Ends, values: Sequence[Value], step: Step) -> Ends:
    """ENDS with a size, which the condition of the loop implies if nothing else does.

    Raises Refused if nothing implies one.
    """
    size = ends.size
    if size is None and ends.more is not None:
        pairs = zip(values, map(builder.value, step.carried), strict=True)
        turns = dict(zip(block.arguments[1:], pairs, strict=True))
        size = LoopBounds(builder, block.arguments[0], turns).of(builder.value(ends.more))
    if size is None:
        raise Refused(UNBOUNDED)
    return ends._replace(size=size)


def _counting(builder: Builder, block: Block, step: Step) -> Step:
    """STEP of a loop with the region BLOCK that also carries the number of iterations."""
    block.add_argument(ITERATION)
    done = builder.emit(Add, Tensor.of(block.arguments[0]), builder.constant(1, I64))
    return step._replace(carried=[*step.carried, done])


def _cut(builder: Builder, results: list[Tensor], carried: int, most: Dim | None) -> list[Tensor]:
    """RESULTS of a loop without its number of iterations, which is carried after the CARRIED values.

    Scan outputs are cut to that number, which is at most MOST.
    """
    assert most is not None  # `_bounded` has seen to it
    size = count_of_data(builder, results[carried], most)
    return [*results[:carried], *(cut_to(builder, each, 0, size) for each in results[carried + 1 :])]


# ---------------------------------------------------------------- what ends it


def _settled(builder: Builder, count: Count, more: Tensor | None, most: Dim | None) -> Ends:
    """The ends of a loop, without a condition if that is known to be true."""
    trip, size = (count, most) if isinstance(count, Tensor) else (None, count)
    if more is not None and more.data is not None and not bool(more.data):
        if trip is not None:
            return Ends(size, trip, more)
        return Ends(1 if size is None else builder.sizes_known.derive("min", size, 1), None, None)
    more = None if more is not None and more.data is not None else more
    if more is None and count is None:
        raise Malformed("this loop never ends")
    return Ends(size, trip, more)


def _truth(builder: Builder, condition: Tensor | None) -> Value:
    return builder.value(builder.constant(True, BOOL) if condition is None else condition)


def reversed_steps(builder: Builder, x: Tensor) -> Tensor:
    """X with the elements along axis 0, one per iteration of a loop, in reverse order."""
    starts: list[Dim] = [x.shape[0] - 1] + [0] * (x.rank - 1)
    steps = [-1] + [1] * (x.rank - 1)
    return builder.emit(Slice, x, starts=starts, sizes=x.shape, steps=steps)
