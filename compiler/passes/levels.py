"""The levels of the IR, and the dialects of all of them."""

from __future__ import annotations

from ...dialects.core.builtin import CORE
from ...dialects.core.dialect import DialectSet
from ...dialects.fused import FUSED
from ...dialects.graph import GRAPH
from ...dialects.launch import LAUNCH
from ...dialects.precision import PRECISION

LEVELS = ("graph", "fused", "precision", "launch")
ALL_DIALECTS = DialectSet([CORE, GRAPH, FUSED, PRECISION, LAUNCH])
