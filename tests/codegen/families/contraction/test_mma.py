"""Contraction kernels compiled for GPUs: no spills, wide accesses, and the text that is emitted."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.contraction.mma import MMA, MmaConfig

from ...contraction_cases import TARGET, conv, kernel_of, matmul
from .compiling import compiled

AMPERE, ADA = arch_named("sm_80"), arch_named("sm_89")
LAYERS = {
    "stem": conv("f16", (2, 4, 32, 32), (64, 4, 7, 7), stride=2, pad=3),
    "window": conv("f16", (8, 256, 14, 14), (256, 256, 3, 3), pad=1),
    "pointwise": conv("bf16", (8, 256, 14, 14), (1024, 256, 1, 1)),
    "product": matmul("f16", (512, 512), (512, 512)),
    "tf32": matmul("f32", (512, 512), (512, 512), transpose_b=True),
    "integers": matmul("i8", (512, 512), (512, 512), out="i32", transpose_b=True),
    "mixed": conv("u8", (8, 128, 14, 14), (256, 128, 3, 3), weights="i8", out="i32", pad=1),
    "unsigned": matmul("u8", (512, 512), (512, 512), weights="u8", out="i32", transpose_b=True),
    "eight_bit_floats": conv("f8e4m3", (8, 128, 14, 14), (256, 128, 3, 3), out="f32", pad=1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_tensor_core_kernels_do_not_spill(name: str) -> None:
    """The widest tiles of the table, which need the most registers, and the model's choice."""
    problem = LAYERS[name].problem
    legal = [shape for shape in MMA.shapes(problem, TARGET) if MMA.illegal(problem, shape, TARGET) is None]
    chosen = MMA.candidates(problem, TARGET, most=1)
    for kernel in compiled(LAYERS[name], [*legal[:2], *chosen], "sm_90a").values():
        assert kernel.registers <= 255


def test_8_bit_floats_have_no_tensor_cores_before_ada() -> None:
    problem = LAYERS["eight_bit_floats"].problem
    assert MMA.unsupported(problem, AMPERE) == "sm_80 has no mma of f8e4m3"
    assert MMA.candidates(problem, AMPERE) == []
    assert MMA.unsupported(problem, ADA) is None
    compiled(LAYERS["eight_bit_floats"], MMA.candidates(problem, ADA, most=1), "sm_89")


@pytest.mark.parametrize("name", ["window", "product", "integers", "mixed"])
def test_kernels_compile_for_ampere(name: str) -> None:
    problem = LAYERS[name].problem
    chosen = MMA.candidates(problem, AMPERE, most=1)
    assert chosen
    assert MMA.pipeline_bytes(problem, chosen[0]) <= AMPERE.shared_bytes
    compiled(LAYERS[name], chosen, "sm_80")


def test_operands_that_no_instruction_reads_have_no_candidates() -> None:
    """tf32 and i8 fragments are only loaded from operands that lie with k innermost."""
    for dtype in ("f32", "i8"):
        problem = matmul(dtype, (64, 64), (64, 64), out="i32" if dtype == "i8" else None).problem
        assert MMA.unsupported(problem, TARGET) is not None
        assert MMA.candidates(problem, TARGET) == []


@pytest.mark.parametrize("name", LAYERS)
def test_candidates_are_legal_and_ordered(name: str) -> None:
    problem = LAYERS[name].problem
    found = MMA.candidates(problem, TARGET, most=200)
    costs = [MMA.cost(problem, config, TARGET) for config in found]
    assert costs == sorted(costs) and min(costs) > 0
    assert len(set(found)) == len(found)
    assert all(MMA.illegal(problem, config, TARGET) is None for config in found)


def test_emitted_tensor_core_convolution(golden: Any) -> None:
    case = conv("f16", (8, 64, 28, 28), (128, 64, 3, 3), stride=2, pad=1)
    config = MmaConfig(128, 64, 64, 2, 2, 1, 4)
    assert kernel_of(case, config, "k0_conv").source == golden.at("convolution_mma.cu")
