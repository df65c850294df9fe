"""Products by wgmma: what they take, that ptxas compiles them as written, and the text that is emitted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.contraction.wgmma import WGMMA, WgmmaConfig
from glassrt.codegen.families.registry import families

from ...contraction_cases import TARGET, Case, conv, kernel_of, matmul
from .compiling import compiled

AMPERE, PLAIN = arch_named("sm_80"), arch_named("sm_90")
LAYERS = {
    "stem": conv("f16", (2, 4, 32, 32), (64, 4, 7, 7), stride=2, pad=3),
    "window": conv("f16", (8, 256, 14, 14), (256, 256, 3, 3), pad=1),
    "pointwise": conv("bf16", (8, 256, 14, 14), (1024, 256, 1, 1)),
    "across": matmul("f16", (512, 512), (512, 512), transpose_a=True),
    "product": matmul("f16", (512, 512), (512, 512), transpose_b=True),
    "integers": matmul("i8", (512, 512), (512, 512), out="i32", transpose_b=True),
    "mixed": conv("u8", (8, 128, 14, 14), (256, 128, 3, 3), weights="i8", out="i32", pad=1),
}


def legal(case: Case) -> list[WgmmaConfig]:
    shapes = WGMMA.shapes(case.problem, TARGET)
    return [shape for shape in shapes if WGMMA.illegal(case.problem, shape, TARGET) is None]


@pytest.mark.parametrize("name", LAYERS)
def test_kernels_neither_spill_nor_wait_for_each_product(name: str) -> None:
    """The widest tiles, which need the most registers, the model's choice, and the narrowest."""
    case = LAYERS[name]
    shapes = legal(case)
    chosen = WGMMA.candidates(case.problem, TARGET, most=1)
    for kernel in compiled(case, [*shapes[:3], *chosen, shapes[-1]], "sm_90a").values():
        assert kernel.registers <= 255


@pytest.mark.parametrize("name", LAYERS)
def test_candidates_are_legal_and_ordered(name: str) -> None:
    problem = LAYERS[name].problem
    found = WGMMA.candidates(problem, TARGET, most=200)
    costs = [WGMMA.cost(problem, config, TARGET) for config in found]
    assert found and costs == sorted(costs) and min(costs) > 0
    assert all(WGMMA.illegal(problem, config, TARGET) is None for config in found)


def test_only_targets_that_have_the_instruction_propose_it() -> None:
    family = families()[WGMMA.name]
    assert family.runs_on(TARGET) and not family.runs_on(AMPERE) and not family.runs_on(PLAIN)


def test_operands_that_no_instruction_reads_have_no_candidates() -> None:
    """Bytes are multiplied only where they lie with k innermost, f32 is rounded by mma.sync alone, and copies
    of single elements take too many registers."""
    for case in (
        matmul("f32", (64, 64), (64, 64)),
        matmul("i8", (64, 64), (64, 64), out="i32"),
        matmul("u8", (100, 129), (200, 129), weights="i8", out="i32", transpose_b=True),
        conv("bf16", (1, 33, 10, 8), (40, 33, 4, 3), dilation=2, pads=(0, 2, 2, 0)),
    ):
        assert WGMMA.unsupported(case.problem, TARGET) is not None
        assert WGMMA.candidates(case.problem, TARGET) == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"block_k": 32}, "128 bytes of k"),
        ({"block_m": 96}, "does not divide into the shapes of wgmma"),
        ({"block_n": 72}, "does not divide into the shapes of wgmma"),
        ({"groups_n": 2, "block_n": 64}, "a multiple of 64 columns"),
        ({"stages": 2}, "too few stages"),
        ({"stages": 64}, "not enough shared memory"),
        ({"splits": 7}, "a split of k would be empty"),
        ({"block_m": 256, "groups_m": 1, "stages": 3}, "too many accumulators"),
    ],
    ids=str,
)
def test_what_is_illegal_is_said(changed: dict[str, int], reason: str) -> None:
    problem = LAYERS["across"].problem
    config = WgmmaConfig(128, 128, 64, 2, 1)
    assert WGMMA.illegal(problem, config, TARGET) is None
    found = WGMMA.illegal(problem, replace(config, **changed), TARGET)
    assert found is not None and reason in found


@pytest.mark.parametrize("name", ["product", "across"])
def test_emitted_text(name: str, golden: Any) -> None:
    kernel = kernel_of(LAYERS[name], WgmmaConfig(128, 128, 64, 2, 1), f"k0_{name}")
    assert kernel.source == golden.at(f"{name}_wgmma.cu")


def test_kernels_include_the_products_of_their_types() -> None:
    config = WgmmaConfig(128, 128, 64, 2, 1)
    for name, header in (("product", "wgmma"), ("pointwise", "wgmma"), ("integers", "wgmma_integer")):
        problem = LAYERS[name].problem
        found = WGMMA.spec(problem, replace(config, block_k=128 // problem.a.bytes))
        assert found.header == header
