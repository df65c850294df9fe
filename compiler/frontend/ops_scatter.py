"""Importers of scatters."""

from __future__ import annotations

from ...dialects.graph.scatter import ScatterElements, ScatterNd
from .call import Call, Outcome
from .indices import require_inside
from .table import Table

_REDUCTIONS = {kind: kind for kind in ("none", "add", "mul", "max", "min")}


def _scatter_elements(call: Call) -> Outcome:
    x, indices, updates = call.input(0), call.input(1), call.input(2)
    axis = call.axis(call.integer("axis", 0), x.rank)
    if x.rank:
        require_inside(call, indices, axis, x.shape[axis])
    reduction = call.choice("reduction", "none", _REDUCTIONS)
    return call.emit(ScatterElements, x, indices, updates, axis=axis, reduction=reduction)


def _scatter_nd(call: Call) -> Outcome:
    x, indices, updates = call.input(0), call.input(1), call.input(2)
    if indices.data is not None and indices.rank:
        for axis in range(min(indices.data.shape[-1], x.rank)):
            column = call.constant(indices.data[..., axis], indices.dtype)
            require_inside(call, column, axis, x.shape[axis])
    reduction = call.choice("reduction", "none", _REDUCTIONS)
    return call.emit(ScatterNd, x, indices, updates, reduction=reduction)


TABLE: Table = {
    "Scatter": [(9, _scatter_elements)],
    "ScatterElements": [(11, _scatter_elements)],
    "ScatterND": [(11, _scatter_nd)],
}
