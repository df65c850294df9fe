"""Launch modules in which something is changed."""

from __future__ import annotations

from collections.abc import Sequence

from glassrt.compiler.passes.semantics import random_inputs
from glassrt.dialects.core.module import Module

from .mutating import (
    agrees,
    is_located,
)

# Of a net, each by itself: to lower the net takes most of the time.
CHANGES = 3


def holds(good: Module, bad: Module, orders: Sequence[Module] = ()) -> None:
    """Assert that the checker flags BAD, and says where, if BAD or one of its ORDERS answers other than
    GOOD."""
    if not is_located(bad):
        for which in ("minimum", "maximum"):
            agrees(good, [bad, *orders], random_inputs(good, which=which))
