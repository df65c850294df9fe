"""Level 1: what is computed. One op class per operation, a file per family."""

from __future__ import annotations

from ..core.dialect import Dialect
from . import (
    attention,
    constants,
    contraction,
    elementwise,
    indexing,
    movement,
    normalization,
    quantization,
    reduction,
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
)

GRAPH = Dialect("graph", tuple(op for family in FAMILIES for op in family.OPS))
