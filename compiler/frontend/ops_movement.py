"""Importers of ops that move elements: transpose, slice, split, concat, pad, tile, gather."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, ceildiv, total
from ...dialects.core.sizes.sizes import Sizes
from ...dialects.core.types import TensorType
from ...dialects.graph.indexing import Gather, GatherElements, GatherNd
from ...dialects.graph.movement import MOST_PARTS, Concat, Expand, Pad, Reshape, Slice, Tile, Transpose, Trilu
from .call import Call, Outcome
from .indices import require_inside
from .problems import Malformed, Refused
from .symbolic import choose, clamp
from .table import Table
from .tensor import Tensor


def _transpose(call: Call) -> Outcome:
    x = call.input(0)
    return call.emit(Transpose, x, perm=call.ints("perm") or tuple(reversed(range(x.rank))))


def _concat(call: Call) -> Outcome:
    parts = call.all_inputs()
    axis = call.axis(call.integer("axis", 1), parts[0].rank)
    while len(parts) > MOST_PARTS:
        runs = [parts[first : first + MOST_PARTS] for first in range(0, len(parts), MOST_PARTS)]
        parts = [call.emit(Concat, *run, axis=axis) for run in runs]
    return parts[0] if len(parts) == 1 else call.emit(Concat, *parts, axis=axis)


# ------------------------------------------------------------ slices


@dataclass(frozen=True)
class _Cut:
    """The slice of one axis, with ONNX's start, end and step."""

    axis: int
    start: Dim
    end: Dim
    step: int


def _slice_attributes(call: Call) -> Outcome:
    starts, ends = call.ints("starts") or (), call.ints("ends") or ()
    axes = call.ints("axes") or tuple(range(len(starts)))
    return _sliced(call, starts, ends, axes, (1,) * len(starts))


def _slice_inputs(call: Call) -> Outcome:
    starts, ends = call.known_dims(1, "its start"), call.known_dims(2, "its end")
    axes = tuple(range(len(starts))) if call.optional(3) is None else call.known_ints(3, "its list of axes")
    steps = (1,) * len(starts) if call.optional(4) is None else call.known_ints(4, "its steps")
    return _sliced(call, starts, ends, axes, steps)


def _sliced(
    call: Call, starts: Sequence[Dim], ends: Sequence[Dim], axes: Sequence[int], steps: Sequence[int]
) -> Tensor:
    x = call.input(0)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Malformed("starts, ends, axes and steps have different lengths")
    if 0 in steps:
        raise Malformed("a step is 0")
    call.axes(axes, x.rank)  # for the check that they are distinct
    firsts: list[Dim] = [0] * x.rank
    sizes: list[Dim] = list(x.shape)
    strides = [1] * x.rank
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut = _Cut(call.axis(axis, x.rank), start, end, step)
        firsts[cut.axis], sizes[cut.axis] = _extent(call, x.type, cut)
        strides[cut.axis] = cut.step
    if tuple(sizes) == x.shape and all(step == 1 for step in strides):
        return x
    return call.emit(Slice, x, starts=firsts, sizes=sizes, steps=strides)


def _extent(call: Call, type: TensorType, cut: _Cut) -> tuple[Dim, Dim]:
    """The first element and the number of elements of CUT, after clamping it to the tensor."""
    sizes = call.builder.sizes_known
    extent = type.shape[cut.axis]
    low, high = (0, extent) if cut.step > 0 else (-1, extent - 1)
    start = clamp(_from_front(cut.start, extent, sizes), 0, high, sizes)
    end = clamp(_from_front(cut.end, extent, sizes), low, high, sizes)
    distance = sizes.derive("max", end - start if cut.step > 0 else start - end, 0)
    return (0, 0) if distance == 0 else (start, ceildiv(distance, abs(cut.step)))


def _from_front(position: Dim, extent: Dim, sizes: Sizes) -> Dim:
    return choose(position, position, position + extent, sizes)


def _split_attribute(call: Call) -> Outcome:
    return _split(call, call.ints("split"))


def _split_input(call: Call) -> Outcome:
    return _split(call, None if call.optional(1) is None else call.known_dims(1, "its sizes"))


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
    x, repeats = call.input(0), call.known_dims(1, "its list of repeats")
    numbers = [repeat for repeat in repeats if isinstance(repeat, int)]
    if len(numbers) == len(repeats):
        return call.emit(Tile, x, repeats=numbers)
    if len(repeats) != x.rank:
        raise Malformed(f"it has {len(repeats)} repeats for {x.rank} dimensions")
    for repeat in repeats:
        call.require(repeat, 0, "no axis is repeated a negative number of times")
    return _repeated(call, x, repeats)


def _repeated(call: Call, x: Tensor, repeats: Sequence[Dim]) -> Tensor:
    """X repeated REPEATS times, which may be symbolic: an axis before each axis is expanded, and the two are
    merged. An axis of size 1 is expanded itself."""
    pairs = list(zip(repeats, x.shape, strict=True))
    apart = [pair for pair in pairs if pair[0] != 1 and pair[1] != 1]
    if apart:
        split = [size for pair in pairs for size in ((1, pair[1]) if pair in apart else pair[1:])]
        x = call.emit(Reshape, x, shape=split)
    grown = [size for pair in pairs for size in (pair if pair in apart else (pair[0] * pair[1],))]
    x = call.emit(Expand, x, shape=grown)
    return call.emit(Reshape, x, shape=[count * size for count, size in pairs]) if apart else x


_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


def _pad_attributes(call: Call) -> Outcome:
    x = call.input(0)
    value = call.constant(call.number("value", 0.0), x.dtype)
    return _padded(call, x, call.ints("pads") or (), value)


def _pad_inputs(call: Call) -> Outcome:
    x = call.input(0)
    pads = call.known_dims(1, "its pads")
    if call.optional(3) is not None:
        pads = _spread(call, pads, call.known_ints(3, "its list of axes"), x.rank)
    return _padded(call, x, pads, call.optional(2))


def _spread(call: Call, pads: Sequence[Dim], axes: Sequence[int], rank: int) -> tuple[Dim, ...]:
    """PADS of AXES as pads of all axes."""
    call.axes(axes, rank)  # for the check that they are distinct
    if len(pads) != 2 * len(axes):
        raise Malformed(f"it has {len(pads)} pads for {len(axes)} axes")
    full: list[Dim] = [0] * (2 * rank)
    for place, axis in enumerate(axes):
        full[call.axis(axis, rank)] = pads[place]
        full[call.axis(axis, rank) + rank] = pads[place + len(axes)]
    return tuple(full)


def _padded(call: Call, x: Tensor, pads: Sequence[Dim], value: Tensor | None) -> Tensor:
    mode = call.choice("mode", "constant", _PAD_MODES)
    if mode != "constant" and not all(isinstance(pad, int) for pad in pads):
        raise Refused(f"pads that depend on a symbolic dimension are not supported in the mode '{mode}'")
    if len(pads) != 2 * x.rank:
        raise Malformed(f"it has {len(pads)} pads for {x.rank} dimensions")
    if not any(pads):
        return x
    return call.emit(Pad, x, value if mode == "constant" else None, pads=pads, mode=mode)


def _trilu(call: Call) -> Outcome:
    k = call.optional(1)
    offset = 0 if k is None else call.known_int(k, "its offset k")
    return call.emit(Trilu, call.input(0), upper=call.flag("upper", True), k=offset)


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
