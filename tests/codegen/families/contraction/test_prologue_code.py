"""Code of prologues: what a thread computes on the way to shared memory."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.families.contraction.mma import MMA as PRODUCT
from glassrt.codegen.families.registry import families
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.text.render import render
from glassrt.dialects.core.dtypes import F16, U8

from ...prologue_cases import (
    Case,
    convolution,
    gathered_product,
    normalised_product,
)
from .prologue_requests import MMA, request_of

LARGE: dict[str, Case] = {
    "gather": gathered_product(F16, None, (3000, 768), columns=2304),
    "normalise": normalised_product(F16, U8, inner=768, columns=2304),
    "convolution": convolution(F16, U8, 256, filters=256),
}


@pytest.mark.parametrize("name", LARGE)
def test_tensor_core_kernels_with_prologues_do_not_spill(name: str) -> None:
    """The widest tile that is legal, which needs the most registers, and the model's choice."""
    request, contraction = request_of(LARGE[name])
    found = PRODUCT.candidates(contraction.problem, request.target, 200)
    widest = max(found, key=lambda config: (config.accumulators, config.block_m * config.block_k))
    for config in {widest, found[0]}:
        code = families()[MMA].realize(request, vars(config))
        source = render(code.template, code.spec)
        compiled = compile_kernels({"k0": source}, "sm_90a", headers(), None)
        check_designed(compiled, {"k0": "contraction_mma"})
        [kernel] = compiled.values()
        assert kernel.registers <= 255


def test_emitted_normalisation(golden: Any) -> None:
    request, _ = request_of(normalised_product(F16, U8, inner=128, columns=64))
    code = families()[MMA].realize(request, families()[MMA].propose(request)[0].config)
    assert render(code.template, code.spec) == golden.at("normalised_rows_mma.cu")
