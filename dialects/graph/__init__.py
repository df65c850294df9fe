"""Level 1, graph: what is computed. One op class per operation, one file per family of ops."""

from __future__ import annotations

from ..core.dialect import Dialect
from . import (
    attention,
    columns,
    constants,
    contraction,
    convolution,
    elementwise,
    elimination,
    grid,
    indexing,
    interaction,
    movement,
    ngrams,
    normalization,
    packed,
    pool,
    quantization,
    recurrence,
    reduction,
    roi_align,
    rois,
    scatter,
    searching,
    sequences,
    softmax,
    sorting,
    unpadded_attention,
)

FAMILIES = (
    attention,
    unpadded_attention,
    constants,
    elementwise,
    quantization,
    convolution,
    contraction,
    packed,
    reduction,
    softmax,
    normalization,
    pool,
    movement,
    indexing,
    scatter,
    searching,
    sequences,
    interaction,
    recurrence,
    sorting,
    grid,
    roi_align,
    rois,
    columns,
    elimination,
    ngrams,
)

GRAPH = Dialect("graph", tuple(op for family in FAMILIES for op in family.OPS))
