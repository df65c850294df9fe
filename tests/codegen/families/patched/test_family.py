"""The family of convolutions over patches: its kernels against the interpreter, and what it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.patched.config import PatchConfig
from glassrt.dialects.core.dtypes import BF16, I8

from .convolutions import Case, check

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
PLAIN = PatchConfig(groups=2, high=1, wide=1, block_n=64, stages=3, buffers=2)
SOME = {
    "bytes": (Case((3, 64, 9, 13), 64, I8), PLAIN),
    "halves with a residual": (Case((2, 64, 11, 17), 64, residual=True), replace(PLAIN, wide=2, stages=2)),
    "bytes with a residual": (Case((2, 48, 16, 20), 64, I8, residual=True), replace(PLAIN, high=2, wide=2)),
    "several lines, of which the last ends early": (Case((1, 88, 9, 9), 24), replace(PLAIN, block_n=32)),
    "parts of columns": (Case((2, 32, 10, 9), 80, I8, relu=False), replace(PLAIN, block_n=32, turned=1)),
    "a wide window": (Case((2, 16, 12, 9), 64, BF16, (5, 5), (2, 0, 1, 3)), replace(PLAIN, high=2)),
    "a line": (Case((2, 64, 7, 20), 32, I8, (1, 3), (0, 1, 0, 1)), replace(PLAIN, block_n=32, groups=3)),
    "a dilated column": (Case((2, 32, 19, 8), 16, I8, (3, 1), (2, 0, 2, 0), (2, 1)), replace(PLAIN, block_n=32)),
}


SMALL = Case((700, 16, 8, 7), 16, I8)  # more images than blocks have warpgroups: each has several tiles


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("residual", [False, True])
def test_warpgroups_have_several_tiles(residual: bool, device: str) -> None:
    config = replace(PLAIN, block_n=32, turned=int(residual))
    check(replace(SMALL, residual=residual), config, device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", SOME)
def test_results_are_those_of_the_convolution(name: str, device: str) -> None:
    check(*SOME[name], device)
