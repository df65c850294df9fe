"""Level 1, graph: what is computed. One op class per operation, one file per family of ops."""

from __future__ import annotations

from ..core.dialect import Dialect
from . import (
    attention,
    columns,
    constants,
    contraction,
    elementwise,
    elimination,
    grid,
    indexing,
    movement,
    ngrams,
    normalization,
    quantization,
    reduction,
    rois,
    scatter,
    sequences,
    sorting,
    window,
)

FAMILIES = (
    attention,
    constants,
    elementwise,
    quantization,
    contraction,
    reduction,
    normalization,
    window,
    movement,
    indexing,
    scatter,
    sequences,
    sorting,
    grid,
    rois,
    columns,
    elimination,
    ngrams,
)

GRAPH = Dialect("graph", tuple(op for family in FAMILIES for op in family.OPS))
