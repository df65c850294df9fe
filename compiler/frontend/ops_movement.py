"""Importers of ops that move elements: transpose, concat, tile, trilu, gather, depth to space and back."""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.affine import Dim
from ...dialects.graph.indexing import Gather, GatherElements, GatherNd
from ...dialects.graph.movement.concat import MOST_PARTS, Concat
from ...dialects.graph.movement.expand import Tile
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.trilu import Trilu
from .call import Call, Outcome
from .contents import FIRST, ElementRange, count_of
from .counts import as_one_count, cut_to, formula_of
from .indices import require_inside
from .problems import Malformed
from .symbolic import clamp
from .table import Table
from .tensor import Tensor


def _transpose(call: Call) -> Outcome:
    x = call.input(0)
    return call.emit(Transpose, x, perm=call.ints("perm") or tuple(reversed(range(x.rank))))


MOST_COUNTS = 8  # the most data-dependent sizes in a sum; a longer sum becomes a count of its own


def _concat(call: Call) -> Outcome:
    parts = call.all_inputs()
    return concatenated(call, parts, call.axis(call.integer("axis", 1), parts[0].rank))


def concatenated(call: Call, parts: list[Tensor], axis: int) -> Tensor:
    """PARTS, at least one, joined along AXIS."""
    while _counts(call, parts, axis) > MOST_COUNTS and len(parts) > 1:
        parts = [as_one_count(call.builder, part, axis) for part in _joined(call, parts, axis, MOST_COUNTS)]
    while len(parts) > 1:
        parts = _joined(call, parts, axis, MOST_PARTS)
    # Parts that are padded to a fixed total have that many elements, whatever their own sizes are.
    size = formula_of(call.builder, parts[0].shape[axis])
    return parts[0] if size == parts[0].shape[axis] else cut_to(call.builder, parts[0], axis, size)


def _joined(call: Call, parts: Sequence[Tensor], axis: int, most: int) -> list[Tensor]:
    """PARTS joined along AXIS, at most MOST at a time."""
    runs = [parts[first : first + most] for first in range(0, len(parts), most)]
    return [run[0] if len(run) == 1 else call.emit(Concat, *run, axis=axis) for run in runs]


def _counts(call: Call, parts: Sequence[Tensor], axis: int) -> int:
    """The data-dependent sizes in the sizes of PARTS along AXIS."""
    counted = call.builder.sizes_known.counted
    return sum(len(counted.within(part.shape[axis])) for part in parts)


def _tile(call: Call) -> Outcome:
    counts = [ElementRange(0, 1, 64)] * count_of(call.input(1))
    return call.emit(Tile, call.input(0), repeats=call.known_dims(1, "its list of repeats", counts))


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
    "SpaceToDepth": [(1, _space_to_depth)],
    "Tile": [(6, _tile)],
    "Transpose": [(1, _transpose)],
    "Trilu": [(14, _trilu)],
}
