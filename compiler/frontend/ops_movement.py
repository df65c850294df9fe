"""Importers of ops that move elements: transpose, slice, split, concat, pad, tile, gather."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, ceildiv, total
from ...dialects.core.sizes.sizes import Sizes
from ...dialects.core.types import TensorType
from ...dialects.graph.indexing import Gather, GatherElements, GatherNd, Range
from ...dialects.graph.movement.concat import MOST_PARTS, Concat
from ...dialects.graph.movement.expand import Tile
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.movement.trilu import Trilu
from ...runtime.contents import FARTHEST
from .axes import AxesAtRun, known_axes
from .call import Call, Outcome
from .contents import FIRST, LAST, ElementRange, count_of
from .counts import as_one_count
from .indices import require_inside
from .problems import Malformed
from .symbolic import choose, clamp, steps_in
from .table import Table
from .tensor import Tensor


def _transpose(call: Call) -> Outcome:
    x = call.input(0)
    return call.emit(Transpose, x, perm=call.ints("perm") or tuple(reversed(range(x.rank))))


MOST_COUNTS = 8  # that data decides, in one sum of sizes; of a longer sum a number is made


def _concat(call: Call) -> Outcome:
    parts = call.all_inputs()
    axis = call.axis(call.integer("axis", 1), parts[0].rank)
    while _counts(call, parts, axis) > MOST_COUNTS and len(parts) > 1:
        parts = [as_one_count(call.builder, part, axis) for part in _joined(call, parts, axis, MOST_COUNTS)]
    while len(parts) > 1:
        parts = _joined(call, parts, axis, MOST_PARTS)
    return parts[0]


def _joined(call: Call, parts: Sequence[Tensor], axis: int, most: int) -> list[Tensor]:
    """PARTS joined along AXIS, MOST of them in a row."""
    runs = [parts[first : first + most] for first in range(0, len(parts), most)]
    return [run[0] if len(run) == 1 else call.emit(Concat, *run, axis=axis) for run in runs]


def _counts(call: Call, parts: Sequence[Tensor], axis: int) -> int:
    """The sizes that data decides in the sizes of PARTS along AXIS."""
    counted = call.builder.sizes_known.counted
    return sum(len(counted.within(part.shape[axis])) for part in parts)


# ------------------------------------------------------------ slices

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
    """A slice whose numbers may all depend on sizes, or on what inputs hold."""
    many = count_of(call.input(1))
    starts = call.known_dims(1, "its start", [FIRST] * many)
    ends = call.known_dims(2, "its end", [LAST] * many)
    rank = call.input(0).rank
    axes = known_axes(call, 3, rank)
    stated = call.optional(4) is not None
    steps = call.known_dims(4, "its steps", [STEP] * many) if stated else (1,) * len(starts)
    if not isinstance(axes, AxesAtRun):
        return _sliced(call, starts, ends, tuple(range(len(starts))) if axes is None else axes, steps)
    if not len(starts) == len(ends) == len(axes.places) == len(steps):
        raise Malformed(_LENGTHS)
    given, usual = (starts, ends, steps), (0, FARTHEST, 1)
    parts = [axes.spread(part, [rest] * rank) for part, rest in zip(given, usual, strict=True)]
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
        x = call.emit(Slice, x, starts=firsts, sizes=sizes, steps=strides)
    for cut in stepping:
        x = _stepped(call, x, cut)
    return x


def _extent(call: Call, type: TensorType, cut: _Cut, step: int) -> tuple[Dim, Dim]:
    """The first element and the number of elements of CUT, whose step is STEP, clamped to the tensor."""
    start, distance = _clamped(call, type, cut, forward=step > 0)
    return (0, 0) if distance == 0 else (start, ceildiv(distance, abs(step)))


def _clamped(call: Call, type: TensorType, cut: _Cut, *, forward: bool) -> tuple[Dim, Dim]:
    """The first element of CUT, and the distance to its end, after clamping it to the tensor."""
    sizes = call.builder.sizes_known
    extent = type.shape[cut.axis]
    low, high = (0, extent) if forward else (-1, extent - 1)
    start = clamp(_from_front(cut.start, extent, sizes), 0, high, sizes)
    end = clamp(_from_front(cut.end, extent, sizes), low, high, sizes)
    return start, sizes.derive("max", end - start if forward else start - end, 0)


def _stepped(call: Call, x: Tensor, cut: _Cut) -> Tensor:
    """X cut along an axis with a step known at a run only, as the elements at computed positions."""
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
    """What the sizes of COUNT parts of EXTENT are expected to be: equal as far as possible."""
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
    for size in sizes:
        call.require(size, 0, "no part is of negative size")
    listed = ", ".join(map(str, sizes))
    call.require_equal(total(sizes), x.shape[axis], f"its {count} outputs of sizes {listed} make up the axis")
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


# ------------------------------------------------------------ padding and repetition


def _tile(call: Call) -> Outcome:
    counts = [ElementRange(0, 1, 64)] * count_of(call.input(1))
    return call.emit(Tile, call.input(0), repeats=call.known_dims(1, "its list of repeats", counts))


_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


def _pad_attributes(call: Call) -> Outcome:
    x = call.input(0)
    value = call.constant(call.number("value", 0.0), x.dtype)
    return _padded(call, x, call.ints("pads") or (), value)


def _pad_inputs(call: Call) -> Outcome:
    x = call.input(0)
    pads = call.known_dims(1, "its pads", [ElementRange(-64, 0, 64)] * count_of(call.input(1)))
    axes = known_axes(call, 3, x.rank)
    if axes is not None:
        pads = _spread(call, pads, axes, x.rank)
    return _padded(call, x, pads, call.optional(2))


def _spread(call: Call, pads: Sequence[Dim], axes: Sequence[int] | AxesAtRun, rank: int) -> tuple[Dim, ...]:
    """PADS of AXES as pads of all axes."""
    count = len(axes.places if isinstance(axes, AxesAtRun) else axes)
    if len(pads) != 2 * count:
        raise Malformed(f"it has {len(pads)} pads for {count} axes")
    if isinstance(axes, AxesAtRun):
        ends = (axes.spread(part, [0] * rank) for part in (pads[:count], pads[count:]))
        return tuple(pad for part in ends for pad in part)
    call.axes(axes, rank)  # for the check that they are distinct
    full: list[Dim] = [0] * (2 * rank)
    for place, axis in enumerate(axes):
        full[call.axis(axis, rank)] = pads[place]
        full[call.axis(axis, rank) + rank] = pads[place + len(axes)]
    return tuple(full)


def _padded(call: Call, x: Tensor, pads: Sequence[Dim], value: Tensor | None) -> Tensor:
    mode = call.choice("mode", "constant", _PAD_MODES)
    if len(pads) != 2 * x.rank:
        raise Malformed(f"it has {len(pads)} pads for {x.rank} dimensions")
    if not any(pads):
        return x
    if mode != "constant" and not all(isinstance(pad, int) for pad in pads):
        x, pads = _cropped(call, x, pads)
    return call.emit(Pad, x, value if mode == "constant" else None, pads=pads, mode=mode)


def _cropped(call: Call, x: Tensor, pads: Sequence[Dim]) -> tuple[Tensor, list[Dim]]:
    """X without what negative PADS crop, and the pads that are left, of which none is negative."""
    sizes = call.builder.sizes_known
    cuts = [sizes.derive("min", pad, 0) for pad in pads]
    begins, ends = cuts[: x.rank], cuts[x.rank :]
    kept = [size + begin + end for size, begin, end in zip(x.shape, begins, ends, strict=True)]
    starts = [-1 * begin for begin in begins]
    if any(cuts):
        x = call.emit(Slice, x, starts=starts, sizes=kept)
    return x, [sizes.derive("max", pad, 0) for pad in pads]


def _trilu(call: Call) -> Outcome:
    x, k = call.input(0), 0 if call.optional(1) is None else call.known_dim(1, "its offset k", FIRST)
    if not isinstance(k, int) and x.rank >= 2:  # a diagonal farther away has no elements, either
        k = clamp(k, -1 * x.shape[-2], x.shape[-1], call.builder.sizes_known)
    return call.emit(Trilu, x, upper=call.flag("upper", True), k=k)


# ------------------------------------------------------------ gathering


def _gather(call: Call) -> Outcome:
    x, indices = call.input(0), call.input(1)
    axis = call.axis(call.integer("axis", 0), x.rank)
    if x.rank:
        require_inside(call, indices, axis, x.shape[axis])
    return call.emit(Gather, x, indices, axis=axis)


def _gather_elements(call: Call) -> Outcome:
    x, indices = call.input(0), call.input(1)
    axis = call.axis(call.integer("axis", 0), x.rank)
    if x.rank:
        require_inside(call, indices, axis, x.shape[axis])
    return call.emit(GatherElements, x, indices, axis=axis)


def _gather_nd(call: Call) -> Outcome:
    x, indices, batch = call.input(0), call.input(1), call.integer("batch_dims", 0)
    if indices.data is not None and indices.rank:
        for place, axis in enumerate(range(batch, x.rank)[: indices.data.shape[-1]]):
            column = call.constant(indices.data[..., place], indices.dtype)
            require_inside(call, column, axis, x.shape[axis])
    return call.emit(GatherNd, x, indices, batch_dims=batch)


# ------------------------------------------------------------ blocks between depth and space


_BLOCK_ORDERS = {"DCR": "blocks first", "CRD": "channels first"}


def _image(call: Call) -> tuple[Tensor, int]:
    x, block = call.input(0), call.integer("blocksize", 0)
    if x.rank != 4 or block < 1:
        raise Malformed(f"blocksize is {block} and the input has {x.rank} dimensions; it needs 4")
    return x, block


def _depth_to_space(call: Call) -> Outcome:
    x, block = _image(call)
    n, channels, height, width = x.shape
    depth = channels // block**2
    call.require_equal(depth * block**2, channels, f"the channels split into blocks of {block}x{block}")
    split: tuple[Dim, ...]
    if call.choice("mode", "DCR", _BLOCK_ORDERS) == "channels first":
        split, order = (n, depth, block, block, height, width), (0, 1, 4, 2, 5, 3)
    else:
        split, order = (n, block, block, depth, height, width), (0, 3, 4, 1, 5, 2)
    moved = call.emit(Transpose, call.emit(Reshape, x, shape=split), perm=order)
    return call.emit(Reshape, moved, shape=(n, depth, height * block, width * block))


def _space_to_depth(call: Call) -> Outcome:
    x, block = _image(call)
    n, channels, height, width = x.shape
    rows, columns = height // block, width // block
    for size, parts in ((height, rows), (width, columns)):
        call.require_equal(parts * block, size, f"the image splits into blocks of {block}x{block}")
    split = call.emit(Reshape, x, shape=(n, channels, rows, block, columns, block))
    channels_first = call.choice("mode", "DCR", _BLOCK_ORDERS) == "channels first"
    perm = (0, 1, 3, 5, 2, 4) if channels_first else (0, 3, 5, 1, 2, 4)
    moved = call.emit(Transpose, split, perm=perm)
    return call.emit(Reshape, moved, shape=(n, channels * block**2, rows, columns))


TABLE: Table = {
    "Concat": [(4, _concat)],
    "DepthToSpace": [(1, _depth_to_space)],
    "Gather": [(1, _gather)],
    "GatherElements": [(11, _gather_elements)],
    "GatherND": [(11, _gather_nd)],
    "Pad": [(2, _pad_attributes), (11, _pad_inputs)],
    "Slice": [(1, _slice_attributes), (10, _slice_inputs)],
    "SpaceToDepth": [(1, _space_to_depth)],
    "Split": [(2, _split_attribute), (13, _split_input)],
    "Tile": [(6, _tile)],
    "Transpose": [(1, _transpose)],
    "Trilu": [(14, _trilu)],
}
