"""A small network at the graph level, and its plan for the host."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from glassrt.dialects.core.module import Module

from .small import SMALL, parsed


@pytest.fixture
def small() -> Callable[[], Module]:
    """Makes the network anew: passes change modules in place."""
    return lambda: parsed(SMALL)
