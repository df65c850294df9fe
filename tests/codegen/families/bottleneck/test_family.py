"""The family of bottlenecks: its kernels against the interpreter, and what it takes."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.bottleneck.config import BottleneckConfig
from glassrt.dialects.core.dtypes import I8

from .blocks import Case, check

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
SOME = {
    "halves": (Case((2, 11, 13), 64, 64, 128, 64), BottleneckConfig(2, 128, 2, 3)),
    "bytes": (Case((2, 11, 13), 64, 64, 256, 64, I8), BottleneckConfig(3, 64, 6, 2)),
    "without the last product": (Case((2, 9, 9), 32, 32, 128), BottleneckConfig(2, 64, 2, 2)),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", SOME)
def test_results_are_those_of_contractions_apart(name: str, device: str) -> None:
    check(*SOME[name], device)
