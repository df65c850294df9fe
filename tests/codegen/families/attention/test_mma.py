"""Attention on tensor cores: configurations, and blocks for small grids."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.attention.mma import MMA, AttentionConfig
from glassrt.codegen.families.attention.simt import SimtAttentionConfig
from glassrt.codegen.families.registry import families
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import BF16, F16, F32

from ...attention_cases import Shape, module_of
from ...one_kernel import plan_of
from .checked import DEVICES, check, taking


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "config", [c for c in MMA.configurations() if c.stages == 2 or c.warps_t == 1], ids=str
)
def test_configurations_agree_with_the_interpreter(config: AttentionConfig, device: str) -> None:
    check(Shape(batch=1, heads=2, queries=40, keys=270, mask=(1, 1, 1, 270)), taking(config), device)


@pytest.mark.parametrize("device", DEVICES)
def test_wide_heads(device: str) -> None:
    """Of more than 128 features queries are read from shared memory for each tile of keys."""
    shape = Shape(batch=1, heads=2, queries=40, keys=90, depth=200, width=256, attributes={"causal": True})
    check(shape, taking(AttentionConfig(2, 2, 32, 2)), device)


def test_wide_heads_have_few_keys_a_warp() -> None:
    wide = Shape(depth=256, width=256)
    asked: list[Request] = []

    def choose(request: Request) -> Candidate:
        asked.append(request)
        return families()["attention_mma"].propose(request)[0]

    plan_of(module_of(wide), choose)
    assert {c.config["keys"] for c in families()["attention_mma"].propose(asked[0])} == {32}


def test_small_grids_get_small_blocks() -> None:
    chosen: list[Candidate] = []

    def choose(request: Request) -> Candidate:
        chosen.append(families()["attention_mma"].propose(request)[0])
        return chosen[-1]

    plan_of(module_of(Shape(batch=1, heads=12, queries=128, keys=128, depth=64, width=64)), choose)
    plan_of(module_of(Shape(batch=64, heads=12, queries=512, keys=512, depth=64, width=64)), choose)
    small, large = (AttentionConfig(**c.config) for c in chosen)  # type: ignore[arg-type]
    assert small.block_s < large.block_s


@pytest.mark.parametrize("target", ["sm_80", "sm_90a"])
def test_no_registers_are_spilled(target: str) -> None:
    big = Shape(heads=12, queries=512, keys=512, depth=128, width=128)
    masked = replace(big, mask=(2, 1, 512, 512), mask_dtype=F16, attributes={"causal": True})
    sources: dict[str, str] = {}
    ragged = replace(masked, keys=500, mask=(2, 1, 1, 500), depth=64, width=64, dtype=BF16)
    for shape in (big, masked, ragged):
        for config in (AttentionConfig(8, 1, 64, 2), AttentionConfig(2, 2, 64, 2)):
            sources |= plan_of(module_of(shape), taking(config)).sources
        single = replace(shape, dtype=F32, mask_dtype=F32)
        sources |= plan_of(module_of(single), taking(SimtAttentionConfig(4, 4))).sources
    wide = replace(masked, depth=256, width=256)
    sources |= plan_of(module_of(wide), taking(AttentionConfig(2, 2, 32, 2))).sources
    compiled = compile_kernels(sources, target, headers(), None)
    check_designed(compiled, dict.fromkeys(sources, "attention"))
    assert len(compiled) == 10
