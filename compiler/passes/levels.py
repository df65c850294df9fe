"""The levels of the IR, and the dialects of all of them, to which the custom ops of the process belong."""

from __future__ import annotations

from ...dialects.control import CONTROL
from ...dialects.core.builtin import CORE
from ...dialects.core.dialect import DialectSet
from ...dialects.custom.registry import named
from ...dialects.fused import FUSED
from ...dialects.graph import GRAPH
from ...dialects.launch import LAUNCH
from ...dialects.precision import PRECISION

LEVELS = ("graph", "fused", "precision", "launch")
ALL_DIALECTS = DialectSet([CORE, CONTROL, GRAPH, FUSED, PRECISION, LAUNCH], named)
