"""Rows that a product of few rows computes itself: what it takes, and its kernels against the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.gemv.config import GemvConfig
from glassrt.codegen.families.gemv.rows import with_own_rows
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.normalization import LayerNorm, RmsNorm

from ...one_kernel import compare, draw_inputs, kernel_module, plan_of
from ..checked_kernels import DEVICES
from .test_family import NAME, configured


def normal_rows(do: Any, x: Any, scale: Any) -> Any:
    """An RMS norm in f32, rounded and scaled, as decoders of language have it."""
    ones = do(Cast(scale, to=F32))
    normal = do(RmsNorm(do(Cast(x, to=F32)), ones, axis=1, epsilon=1e-5))
    return do(Mul(do(Cast(normal, to=F16)), scale))


def scaled(do: Any, x: Any, scale: Any, w: Any) -> Any:
    y = do(Matmul(normal_rows(do, x, scale), w, transpose_b=True, accumulate=F32))
    return do(Cast(y, to=F16))


def centred(do: Any, x: Any, scale: Any, w: Any, bias: Any, other: Any) -> Any:
    """A layer norm of a stream that the epilogue adds to, in f32."""
    wide, ones, bias = (do(Cast(each, to=F32)) for each in (x, scale, bias))
    normal = do(Cast(do(LayerNorm(wide, ones, bias, axis=1, epsilon=1e-5)), to=F16))
    y = do(Matmul(normal, w, transpose_b=True, accumulate=F32))
    return do(Cast(do(Add(y, do(Cast(other, to=F32)))), to=F16))


def types(m: Dim, n: int, k: int, stream: Any = F16) -> list[TensorType]:
    return [TensorType((m, k), stream), TensorType((k,), F16), TensorType((n, k), F16)]


@pytest.mark.parametrize(
    ("shape", "config", "stream"),
    [
        ((1, 72, 512), GemvConfig(8, 2, 4, stages=2), F16),
        ((1, 64, 2048), GemvConfig(8, 2, 4, splits=2, stages=2), F32),
        ((11, 70, 1024), GemvConfig(16, 2, 4, splits=2, stages=1), F16),
    ],
    ids=["vector", "cluster", "rows"],
)
@pytest.mark.parametrize("device", DEVICES)
def test_normalised_rows_are_computed_by_each_block(
    shape: tuple[int, int, int], config: GemvConfig, stream: Any, device: str
) -> None:
    module = kernel_module(scaled, types(*shape, stream))
    given = draw_inputs(module, np.random.default_rng(0), {})
    for got, want in compare(module, given, configured(config), device):
        assert np.abs(got.astype(np.float64) - want.astype(np.float64)).max() <= 2.0**-8 * np.abs(want).max()


@pytest.mark.parametrize("rows", [1, 9, 21])
def test_how_many_rows_there_are_may_be_known_late(rows: int) -> None:
    """Warps without a row compute none, and more rows than a tile has are several tiles."""
    symbols = {"M": SymbolRange(1, 8, 32)}
    module = kernel_module(scaled, types(symbol("M"), 64, 512), symbols=symbols)
    given = draw_inputs(module, np.random.default_rng(2), {"M": rows})
    for got, want in compare(module, given, configured(GemvConfig(8, 2, 4, stages=1))):
        assert got.shape == (rows, 64)
        assert np.abs(got.astype(np.float64) - want.astype(np.float64)).max() <= 2.0**-8 * np.abs(want).max()


def test_a_layer_norm_and_a_residual() -> None:
    m, n, k = 9, 64, 768
    more = [TensorType((k,), F16), TensorType((m, n), F16)]
    module = kernel_module(centred, [*types(m, n, k), *more])
    given = draw_inputs(module, np.random.default_rng(1), {})
    for got, want in compare(module, given, configured(GemvConfig(16, 2, 8, stages=1))):
        assert np.abs(got.astype(np.float64) - want.astype(np.float64)).max() <= 2.0**-8 * np.abs(want).max()


def test_kernels_do_not_spill() -> None:
    """Sixteen long rows, two of them for each warp: as many elements as a thread ever keeps."""
    choose = configured(GemvConfig(16, 4, 8, stages=1))
    plan = plan_of(kernel_module(scaled, types(16, 256, 4096)), choose)
    kernels = compile_kernels(plan.sources, "sm_90a", headers(), None)
    check_designed(kernels, dict.fromkeys(plan.sources, NAME))


@pytest.mark.parametrize(
    ("shape", "taken"),
    [((1, 64, 2048), True), ((16, 64, 1024), True), ((17, 64, 1024), False), ((1, 64, 1032), False)],
)
def test_what_rows_are_taken(shape: tuple[int, int, int], taken: bool) -> None:
    """Few rows, of whole steps of k; a tiled product takes none that are reduced."""
    found: list[Candidate] = []

    def choose(request: Request) -> Candidate:
        assert with_own_rows(request) is not None
        found.extend(candidates(request))
        return found[0]

    plan_of(kernel_module(scaled, types(*shape)), choose)
    assert any(families()[each.family].computes_rows for each in found) == taken
    assert taken == (found[0].family == NAME)
