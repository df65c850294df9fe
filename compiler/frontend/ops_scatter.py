"""Importers of scatters, and of unpooling, which is a scatter."""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.affine import Dim, product
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.scatter import ScatterElements, ScatterNd
from .call import Call, Outcome
from .indices import require_inside
from .known_scatter import known_elements, known_slices
from .problems import Malformed
from .table import Table
from .tensor import Tensor
from .window_attributes import explicit_window

_REDUCTIONS = {kind: kind for kind in ("none", "add", "mul", "max", "min")}


def _scatter_elements(call: Call) -> Outcome:
    x, indices, updates = call.input(0), call.input(1), call.input(2)
    axis = call.axis(call.integer("axis", 0), x.rank)
    if x.rank:
        require_inside(call, indices, axis, x.shape[axis])
    reduction = call.choice("reduction", "none", _REDUCTIONS)
    call.require_shape(
        updates.shape, indices.shape, f"its updates {updates.type} do not fit its indices {indices.type}"
    )
    known = known_elements(x, indices, axis)
    found = None if known is None else known.applied(call, x, updates, reduction)
    if found is not None:
        return found
    return call.emit(ScatterElements, x, indices, updates, axis=axis, reduction=reduction)


def _scatter_nd(call: Call) -> Outcome:
    x, indices, updates = call.input(0), call.input(1), call.input(2)
    if indices.data is not None and indices.rank:
        for axis in range(min(indices.data.shape[-1], x.rank)):
            column = call.constant(indices.data[..., axis], indices.dtype)
            require_inside(call, column, axis, x.shape[axis])
    reduction, known = call.choice("reduction", "none", _REDUCTIONS), known_slices(x, indices)
    if known is not None:
        wanted = (*indices.shape[:-1], *x.shape[known.depth :])
        call.require_shape(updates.shape, wanted, f"its updates {updates.type} do not fit {x.type}")
    found = None if known is None else known.applied(call, x, updates, reduction)
    if found is not None:
        return found
    return call.emit(ScatterNd, x, indices, updates, reduction=reduction)


def _max_unpool(call: Call) -> Outcome:
    """Zeros with the elements of x at flat positions; a larger output_shape appends zeros."""
    x, indices = call.input(0), call.input(1)
    kernel = call.ints("kernel_shape") or ()
    window = explicit_window(call, x.shape[2:], kernel)
    rank = len(kernel)
    sizes: list[Dim] = list(x.shape[:2])
    for axis, size in enumerate(x.shape[2:]):
        pads = window.pads[axis] + window.pads[axis + rank]
        sizes.append((size - 1) * window.strides[axis] - pads + kernel[axis])
    call.require_shape(indices.shape, x.shape, f"its indices {indices.type} do not fit {x.type}")
    count = x.type.elements
    zeros = call.emit(Expand, call.constant(0, x.dtype), shape=(product(sizes),))
    places = call.emit(Reshape, indices, shape=(count,))
    values = call.emit(Reshape, x, shape=(count,))
    found = call.emit(Reshape, call.emit(ScatterElements, zeros, places, values), shape=sizes)
    return found if call.optional(2) is None else _extended(call, found, call.known_dims(2, "its shape"))


def _extended(call: Call, x: Tensor, shape: Sequence[Dim]) -> Tensor:
    """X extended with zeros to SHAPE."""
    if len(shape) != x.rank:
        raise Malformed(f"its output_shape has {len(shape)} sizes for {x.rank} dimensions")
    ends = [wanted - size for wanted, size in zip(shape, x.shape, strict=True)]
    for end in ends:
        call.require(end, 0, "output_shape is no smaller than the unpooled tensor")
    return call.emit(Pad, x, call.constant(0, x.dtype), pads=(*[0] * x.rank, *ends))


TABLE: Table = {
    "MaxUnpool": [(9, _max_unpool)],
    "Scatter": [(9, _scatter_elements)],
    "ScatterElements": [(11, _scatter_elements)],
    "ScatterND": [(11, _scatter_nd)],
}
