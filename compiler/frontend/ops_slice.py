"""Importers of Slice and Split, which take parts of a tensor along its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, ceildiv, total
from ...dialects.core.sizes.sizes import Sizes
from ...dialects.core.types import TensorType
from ...dialects.graph.indexing import Gather, Range
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.slicing import Slice
from ...runtime.contents import FARTHEST
from .axes import AxesAtRun, axis_list
from .call import Call, Outcome
from .contents import FIRST, LAST, ElementRange
from .counts import cut_from
from .iterations import sliced_by_iteration
from .lists import most_axes, number_list, of_one_length
from .problems import Malformed
from .symbolic import choose, clamp, steps_in
from .table import Table
from .tensor import Tensor

STEP = ElementRange(-64, 1, 64)
_LENGTHS = "starts, ends, axes and steps have different lengths"


@dataclass(frozen=True)
class _Cut:
    """The slice of one axis, with ONNX's start, end and step."""

    axis: int
    start: Dim
    end: Dim
    step: Dim


def _slice_attributes(call: Call) -> Outcome:
    starts, ends = call.ints("starts") or (), call.ints("ends") or ()
    axes = call.ints("axes") or tuple(range(len(starts)))
    return _sliced(call, starts, ends, axes, (1,) * len(starts))


def _slice_inputs(call: Call) -> Outcome:
    """A slice whose numbers may all depend on sizes, or on the content of inputs."""
    along = sliced_by_iteration(call)
    if along is not None:
        return along
    x = call.input(0)
    most = most_axes(x)
    given = {
        1: number_list(call, 1, "its start", lambda count: [FIRST] * count, most),
        2: number_list(call, 2, "its end", lambda count: [LAST] * count, most),
    }
    rank = x.rank
    if call.optional(4) is not None:
        given[4] = number_list(call, 4, "its steps", lambda count: [STEP] * count, rank)
    if call.optional(3) is not None:
        given[3] = axis_list(call, 3, rank)
    if len({each.count for each in given.values() if each.is_whole}) > 1:
        raise Malformed(_LENGTHS)
    given = dict(zip(given, of_one_length(call, list(given.values()), _LENGTHS), strict=True))
    count, starts = given[1].count, given[1].values
    steps = given[4].values if 4 in given else (1,) * len(starts)
    axes = given[3].values if 3 in given else tuple(range(len(starts)))
    numbers = tuple(axis for axis in axes if isinstance(axis, int))
    if len(numbers) == len(axes) == count:
        return _sliced(call, starts, given[2].values, numbers, steps)
    chosen = AxesAtRun.of(call, axes, rank, count)
    lists = ((starts, 0), (given[2].values, FARTHEST), (steps, 1))
    parts = [chosen.spread(part, [rest] * rank) for part, rest in lists]
    return _sliced(call, parts[0], parts[1], range(rank), parts[2])


def _sliced(
    call: Call, starts: Sequence[Dim], ends: Sequence[Dim], axes: Sequence[int], steps: Sequence[Dim]
) -> Tensor:
    x = call.input(0)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Malformed(_LENGTHS)
    if 0 in steps:
        raise Malformed("a step is 0")
    call.axes(axes, x.rank)  # for the check that they are distinct
    firsts: list[Dim] = [0] * x.rank
    sizes: list[Dim] = list(x.shape)
    strides = [1] * x.rank
    stepping: list[_Cut] = []
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut = _Cut(call.axis(axis, x.rank), start, end, step)
        if isinstance(step, int):
            firsts[cut.axis], sizes[cut.axis] = _extent(call, x.type, cut, step)
            strides[cut.axis] = step
        else:
            stepping.append(cut)
    if tuple(sizes) != x.shape or any(step != 1 for step in strides):
        x = cut_from(call.builder, x, firsts, sizes, strides)
    for cut in stepping:
        x = _stepped(call, x, cut)
    return x


def _extent(call: Call, type: TensorType, cut: _Cut, step: int) -> tuple[Dim, Dim]:
    """The first element and the number of elements of CUT, whose step is STEP, clamped to the tensor."""
    start, distance = _clamped(call, type, cut, forward=step > 0)
    known = call.builder.sizes_known
    if step > 0 and known.counted.within(distance):
        distance = _growing(cut, type.shape[cut.axis], known) or distance
    return (0, 0) if distance == 0 else (start, ceildiv(distance, abs(step)))


def _growing(cut: _Cut, extent: Dim, sizes: Sizes) -> Dim | None:
    """The distance from start to end of CUT, forwards, as a size that grows with the data-dependent EXTENT.

    None if it may shrink.
    """
    if not isinstance(cut.start, int) or not isinstance(cut.end, int):
        return None
    if cut.start >= 0:
        end = clamp(_from_front(cut.end, extent, sizes), 0, extent, sizes)
        return sizes.derive("max", end - cut.start, 0)
    if 0 <= cut.end < FARTHEST:
        return None
    left = sizes.derive("min", extent, -cut.start)
    return sizes.derive("max", left + min(cut.end, 0), 0)


def _clamped(call: Call, type: TensorType, cut: _Cut, *, forward: bool) -> tuple[Dim, Dim]:
    """The first element of CUT, and the distance to its end, after clamping it to the tensor."""
    sizes = call.builder.sizes_known
    extent = type.shape[cut.axis]
    low, high = (0, extent) if forward else (-1, extent - 1)
    start = clamp(_from_front(cut.start, extent, sizes), 0, high, sizes)
    end = clamp(_from_front(cut.end, extent, sizes), low, high, sizes)
    return start, sizes.derive("max", end - start if forward else start - end, 0)


def _stepped(call: Call, x: Tensor, cut: _Cut) -> Tensor:
    """X cut along an axis with a step known at run time only, as a gather at computed positions."""
    sizes = call.builder.sizes_known
    (ahead, onward), (behind, back) = (_clamped(call, x.type, cut, forward=way) for way in (True, False))
    stride = sizes.derive("max", cut.step, -1 * cut.step)
    call.require(stride, 1, "no step is 0")
    start = choose(cut.step, ahead, behind, sizes)
    distance = choose(cut.step, onward, back, sizes)
    count = steps_in(distance, stride, sizes)
    first, step = (call.emit(Reshape, call.builder.dims([dim]), shape=()) for dim in (start, cut.step))
    return call.emit(Gather, x, call.emit(Range, first, step, size=count), axis=cut.axis)


def _from_front(position: Dim, extent: Dim, sizes: Sizes) -> Dim:
    return choose(position, position, position + extent, sizes)


def _split_attribute(call: Call) -> Outcome:
    return _split(call, call.ints("split"))


def _split_input(call: Call) -> Outcome:
    if call.optional(1) is None:
        return _split(call, None)
    x, count = call.input(0), call.output_count
    extent = x.shape[call.axis(call.integer("axis", 0), x.rank)]
    return _split(call, call.known_dims(1, "its sizes", _part_ranges(extent, count)))


def _part_ranges(extent: Dim, count: int) -> list[ElementRange]:
    """The expected sizes of COUNT parts of EXTENT: equal as far as possible."""
    if not isinstance(extent, int):
        return []
    part = extent // count
    return [ElementRange(0, part, extent)] * (count - 1) + [
        ElementRange(0, extent - part * (count - 1), extent)
    ]


def _split(call: Call, sizes: Sequence[Dim] | None) -> Outcome:
    x, count = call.input(0), call.output_count
    axis = call.axis(call.integer("axis", 0), x.rank)
    if sizes is None:
        sizes = _equal_parts(call, x.shape[axis], count)
    if len(sizes) != count:
        raise Malformed(f"it has {len(sizes)} sizes for {count} outputs")
    return parts_along(call, axis, sizes)


def parts_along(call: Call, axis: int, sizes: Sequence[Dim]) -> list[Tensor]:
    """The parts of the first input along AXIS, of the given SIZES, which add up to the axis."""
    x = call.input(0)
    for size in sizes:
        call.require(size, 0, "no part is of negative size")
    listed = ", ".join(map(str, sizes))
    why = f"its {len(sizes)} outputs of sizes {listed} make up the axis"
    call.require_equal(total(sizes), x.shape[axis], why)
    results: list[Tensor] = []
    begin: Dim = 0
    for size in sizes:
        starts: list[Dim] = [0] * x.rank
        extents = list(x.shape)
        starts[axis], extents[axis] = begin, size
        results.append(call.emit(Slice, x, starts=starts, sizes=extents))
        begin = begin + size
    return results


def _equal_parts(call: Call, extent: Dim, count: int) -> list[Dim]:
    """The sizes of COUNT equal parts; with num_outputs the last one may be smaller."""
    if call.integer("num_outputs", count) != count:
        raise Malformed(f"num_outputs is {call.integer('num_outputs', count)}, but it has {count} outputs")
    part = ceildiv(extent, count)
    if call.stated("num_outputs") is None:
        call.require_equal(part * count, extent, f"the axis splits into {count} equal parts")
        return [part] * count
    last = extent - part * (count - 1)
    call.require(last, 0, f"the axis splits into {count} parts")
    return [*[part] * (count - 1), last]


TABLE: Table = {
    "Slice": [(1, _slice_attributes), (10, _slice_inputs)],
    "Split": [(2, _split_attribute), (13, _split_input)],
}
