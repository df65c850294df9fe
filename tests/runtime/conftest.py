"""Tiny plans and a fake GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.runtime import Engine, Plan, load
from glassrt.runtime.host import HostModule

from .fake_driver import FakeDriver
from .host_modules import source
from .tiny_plans import affine_plan, real_headers


@pytest.fixture(scope="session")
def plan() -> Plan:
    """y = 2 * x + w with a symbolic batch, in two kernels."""
    return affine_plan()


@pytest.fixture
def fake() -> Iterator[FakeDriver]:
    """A GPU of compute capability 9.0 that runs the tiny plans' kernels in Python."""
    yield FakeDriver()


@pytest.fixture(scope="module")
def host_plan() -> Plan:
    return affine_plan(headers=real_headers())


@pytest.fixture(scope="module")
def engine(host_plan: Plan) -> Iterator[Engine]:
    with load(host_plan, "host") as engine:
        yield engine


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the compiled runtime, so that the tests pay for it once."""
    folder = tmp_path_factory.mktemp("host")
    HostModule(source(1), headers(), folder)
    return folder
