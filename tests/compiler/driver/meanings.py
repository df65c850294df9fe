"""Graphs that passes keep the meaning of."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.settings.options import Options
from glassrt.compiler.settings.policy import PrecisionPolicy

ALL = passes_through("precision", REFERENCE)


def context(precision: str = "fp32", **options: int) -> PassContext:
    return PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision), options=Options(**options))
