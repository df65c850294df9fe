"""The family of products of few rows: what it takes, and its kernels with fused epilogues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.gemv.config import GemvConfig
from glassrt.codegen.families.gemv.family import candidates, unsupported
from glassrt.codegen.families.registry import candidates as registered_candidates
from glassrt.codegen.families.registry import families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.unary import Sigmoid

from ...contraction_cases import TARGET, conv, matmul, product
from ...one_kernel import compare, draw_inputs, kernel_module

NAME = "contraction_gemv"


def configured(config: GemvConfig) -> Callable[[Request], Candidate]:
    def choose(request: Request) -> Candidate:
        found = [own for own in registered_candidates(request) if own.family == NAME]
        assert found and set(found[0].config) == set(asdict(config))
        return Candidate(NAME, asdict(config), 1.0)

    return choose


def residual(do: Any, x: Any, w: Any, bias: Any, other: Any) -> Any:
    y = do(Add(do(Matmul(x, w, transpose_b=True, accumulate=F32)), do(Cast(bias, to=F32))))
    return do(Cast(do(Sigmoid(do(Add(y, do(Cast(other, to=F32)))))), to=F16))


def residual_types(m: int, n: int, k: int) -> list[TensorType]:
    return [TensorType(s, F16) for s in ((m, k), (n, k), (n,), (m, n))]


SHAPES = [
    ((1, 72, 264), GemvConfig(8, 1, 4)),
    ((7, 70, 1024), GemvConfig(8, 2, 8, splits=2)),
    ((16, 96, 520), GemvConfig(16, 4, 4)),
]


@pytest.mark.parametrize(("shape", "config"), SHAPES, ids=["vector", "cluster", "rows"])
def test_epilogue_operands_are_added(shape: tuple[int, int, int], config: GemvConfig) -> None:
    module = kernel_module(residual, residual_types(*shape))
    for got, want in compare(module, draw_inputs(module, np.random.default_rng(0), {}), configured(config)):
        assert np.abs(got.astype(np.float64) - want.astype(np.float64)).max() <= 2.0**-10


@pytest.mark.parametrize(
    ("shape", "config"),
    [
        ((1, 72, 264), GemvConfig(8, 2, 4, stages=2)),
        ((7, 70, 1024), GemvConfig(8, 2, 4, splits=2, stages=1)),
        ((16, 96, 2056), GemvConfig(16, 4, 4, stages=3)),
    ],
    ids=["vector", "cluster", "rows"],
)
def test_weights_come_by_bulk_copies(shape: tuple[int, int, int], config: GemvConfig) -> None:
    test_epilogue_operands_are_added(shape, config)


@pytest.mark.gpu
@pytest.mark.parametrize("shape", [(1, 4096, 1024), (8, 1000, 2048), (16, 1024, 4096)])
def test_a_gpu_computes_what_the_host_does(shape: tuple[int, int, int]) -> None:
    module = kernel_module(residual, residual_types(*shape))
    given = draw_inputs(module, np.random.default_rng(1), {})
    problem = product(*shape)
    for config in (*candidates(problem, TARGET), *candidates(problem, TARGET, bulk=True)):
        for got, want in compare(module, given, configured(config), "cuda"):
            assert np.abs(got.astype(np.float64) - want.astype(np.float64)).max() <= 2.0**-9


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (matmul("f16", (17, 64), (64, 64), transpose_b=True), "too many rows"),
        (matmul("f16", (4, 64), (64, 64)), "not K-major"),
        (matmul("f16", (4, 60), (64, 60), transpose_b=True), "multiples of 16 bytes"),
        (matmul("f8e4m3", (4, 64), (64, 64), transpose_b=True), "rounded step by step"),
        (conv("f16", (1, 16, 3, 3), (16, 16, 3, 3)), "gathered"),
    ],
)
def test_problems_that_it_does_not_compute(case: Any, reason: str) -> None:
    found = unsupported(case.problem)
    assert found is not None and reason in found


def test_it_rounds_operands_like_other_tensor_cores() -> None:
    assert families()[NAME].rounds_operands and not families()[NAME].groupable
