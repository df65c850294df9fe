"""Contractions on scalar units, compiled for GPUs."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.families.contraction.simt import SIMT, SimtConfig

from ...contraction_cases import TARGET, conv, kernel_of, matmul
from .compiling import compiled

EXACT = {
    "exact": matmul("f32", (512, 512), (512, 512)),
    "exact_window": conv("f32", (8, 64, 14, 14), (64, 64, 3, 3), pad=1),
    "double": matmul("f64", (256, 256), (256, 256)),
    "bytes": matmul("u8", (256, 256), (256, 256), weights="i8", out="i32"),
}


@pytest.mark.parametrize("name", EXACT)
def test_scalar_kernels_do_not_spill(name: str) -> None:
    compiled(EXACT[name], SIMT.candidates(EXACT[name].problem, TARGET, most=2), "sm_90a")


def test_emitted_scalar_convolution(golden: Any) -> None:
    case = conv("f32", (2, 12, 9, 9), (20, 12, 3, 3), pad=1)
    config = SimtConfig(32, 32, 32, 8, 8, 3, splits=2)
    assert kernel_of(case, config, "k0_conv").source == golden.at("convolution_simt.cu")
