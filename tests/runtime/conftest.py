"""Tiny plans and a fake GPU."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from glassrt.runtime import Plan

from .fake_driver import FakeDriver
from .tiny_plans import affine_plan


@pytest.fixture(scope="session")
def plan() -> Plan:
    """y = 2 * x + w with a symbolic batch, in two kernels."""
    return affine_plan()


@pytest.fixture
def fake() -> Iterator[FakeDriver]:
    """A GPU of compute capability 9.0 that runs the tiny plans' kernels in Python."""
    yield FakeDriver()
