"""Level 1: what is computed. One op class per operation, a file per family."""

from __future__ import annotations

from ..core.dialect import Dialect
from . import constants, elementwise

GRAPH = Dialect("graph", (*constants.OPS, *elementwise.OPS))
