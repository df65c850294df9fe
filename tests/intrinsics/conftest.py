"""One host module with the kernels of all conformance cases."""

from __future__ import annotations

import pytest
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.runtime.host import HostModule

from .cases import KERNELS


@pytest.fixture(scope="session")
def kernels() -> HostModule:
    sources = {path.stem: path.read_text() for path in sorted(KERNELS.glob("*.cu"))}
    return HostModule(sources, headers())
