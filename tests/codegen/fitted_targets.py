"""Targets with other constants of their cost models."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.arch.fitted import (
    Fit,
)
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.arch.spec import ArchSpec


def fitted(name: str, fit: Fit) -> ArchSpec:
    """The reference with FIT as the constants of the cost model NAME."""
    return replace(REFERENCE, fitted=replace(REFERENCE.fitted, **{name: fit}))
