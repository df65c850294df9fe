"""The family of persistent contractions: what it takes, and its kernels with fused epilogues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.persistent.config import PersistentConfig
from glassrt.codegen.families.persistent.family import buffers_for, candidates, unsupported
from glassrt.codegen.families.registry import candidates as registered_candidates
from glassrt.codegen.families.registry import families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import DTYPES, F16, F32, I8, I32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import ROW_MAJOR, TensorType, channels_last
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.unary import Sigmoid

from ...contraction_cases import TARGET, Case, conv, matmul, product
from ...one_kernel import compare, draw_inputs, kernel_module, plan_of
from .test_spec import ROWS

NAME = "contraction_persistent"


def configured(config: PersistentConfig) -> Callable[[Request], Candidate]:
    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:  # brings an operand to its layout
            return registered_candidates(request)[0]
        found = families()[NAME].propose(request)
        assert found and set(found[0].config) == set(asdict(config))
        return Candidate(NAME, asdict(config), 1.0)

    return choose


def residual(do: Any, x: Any, w: Any, bias: Any, other: Any) -> Any:
    y = do(Add(do(Matmul(x, w, transpose_b=True, accumulate=F32)), do(Cast(bias, to=F32))))
    return do(Cast(do(Sigmoid(do(Add(y, do(Cast(other, to=F32)))))), to=F16))


@pytest.mark.parametrize(
    ("shape", "config"),
    [
        ((2000, 72, 600), PersistentConfig(64, 64, 64, 1, 2, 4)),  # three tiles of each block
        ((200, 72, 264), PersistentConfig(128, 256, 64, 2, 1, 3)),
        ((70, 136, 100), PersistentConfig(128, 96, 64, 1, 2, 3)),
    ],
    ids=["teams", "one team", "few columns"],
)
def test_epilogue_operands_are_added(shape: tuple[int, int, int], config: PersistentConfig) -> None:
    m, k, n = shape
    types = [TensorType(s, F16) for s in ((m, k), (n, k), (n,), (m, n))]
    module = kernel_module(residual, types)
    for got, want in compare(module, draw_inputs(module, np.random.default_rng(0), {}), configured(config)):
        assert np.abs(got.astype(np.float64) - want.astype(np.float64)).max() <= 2.0**-10


def requantized(do: Any, x: Any, w: Any, scale: Any, bias: Any, *others: Any) -> Any:
    y = do(Add(do(Mul(do(Cast(do(Matmul(x, w, transpose_b=True, accumulate=I32)), to=F32)), scale)), bias))
    for other in others:
        y = do(Add(y, do(Cast(other, to=F32))))
    return do(Cast(y, to=I8))


@pytest.mark.parametrize(
    ("shape", "config", "others"),
    [
        ((700, 144, 208), PersistentConfig(128, 64, 128, 1, 2, 4), 1),  # both fragments together
        ((200, 272, 288), PersistentConfig(128, 128, 128, 2, 1, 4), 1),
        ((300, 144, 176), PersistentConfig(128, 96, 128, 1, 2, 3), 0),  # together, in three chunks
    ],
    ids=["teams", "one team", "few columns"],
)
@pytest.mark.parametrize("buffers", [0, 4])
def test_bytes_are_finished_with_what_their_columns_need(
    shape: tuple[int, int, int], config: PersistentConfig, others: int, buffers: int
) -> None:
    m, k, n = shape
    types = [TensorType((m, k), I8), TensorType((n, k), I8), *[TensorType((n,), F32)] * 2]
    module = kernel_module(requantized, types + [TensorType((m, n), I8)] * others)
    given = draw_inputs(module, np.random.default_rng(0), {})
    given["x2"] *= np.float32(0.05)
    for got, want in compare(module, given, configured(replace(config, buffers=buffers))):
        np.testing.assert_array_equal(got, want)
        assert len(np.unique(want)) > 100


def plain(do: Any, x: Any, w: Any, bias: Any) -> Any:
    y = do(Add(do(Matmul(x, w, transpose_b=True, accumulate=F32)), do(Cast(bias, to=F32))))
    return do(Cast(do(Sigmoid(y)), to=F16))


def across(do: Any, x: Any, w: Any, bias: Any) -> Any:
    """A product whose second operand lies across k."""
    return do(Cast(do(Add(do(Matmul(x, w, accumulate=F32)), do(Cast(bias, to=F32)))), to=F16))


def window(do: Any, x: Any, w: Any, other: Any) -> Any:
    y = do(Conv(x, w, pads=(1,) * 4, strides=(1, 1), dilations=(1, 1), groups=1, accumulate=F32))
    y = do(Cast(do(Add(y, do(Cast(other, to=F32)))), to=F16))
    y.type = y.type.with_layout(channels_last(4))
    return y


BUFFERED = {
    "teams": ((1400, 72, 200), PersistentConfig(64, 64, 64, 1, 2, 4)),  # three tiles of each block
    "one team": ((200, 72, 272), PersistentConfig(128, 256, 64, 2, 1, 3)),
    "half lines": ((70, 136, 104), PersistentConfig(128, 96, 64, 1, 2, 3)),
    "vectors": ((1400, 72, 208), PersistentConfig(64, 64, 64, 1, 2, 4)),
    "vectors of one team": ((200, 72, 272), PersistentConfig(128, 256, 64, 2, 1, 3, turned=1)),
    "three warpgroups": ((1000, 72, 272), PersistentConfig(192, 128, 64, 3, 1, 3)),
    "one tile of k": ((700, 64, 72), PersistentConfig(256, 64, 64, 2, 1, 3)),
}
# Accumulators in most registers, and stages in nearly all shared memory: three chunks of results at a time.
LARGE = ((500, 200, 400), PersistentConfig(192, 192, 64, 3, 1, 3))


@pytest.mark.parametrize("device", ["host", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize(("body", "buffers"), [("plain", 2), ("residual", 3)])
def test_large_tiles_leave_in_bulk(body: str, buffers: int, device: str) -> None:
    (m, k, n), config = LARGE
    shapes = ((m, k), (n, k), (n,), *[(m, n)] * (body == "residual"))
    made = {"plain": plain, "residual": residual}[body]
    module = kernel_module(made, [TensorType(shape, F16) for shape in shapes])
    check_results(module, replace(config, buffers=buffers), device)


# So many rows that some blocks have two tiles, of two columns.
KEPT = {
    "teams": ((4400, 72, 72), PersistentConfig(64, 64, 64, 1, 2, 4, buffers=2, kept=2)),
    "one tile of k": ((8700, 40, 72), PersistentConfig(128, 64, 64, 2, 1, 3, buffers=2, kept=1)),
}


@pytest.mark.parametrize("device", ["host", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("name", BUFFERED)
def test_results_leave_in_bulk(name: str, device: str) -> None:
    (m, k, n), config = BUFFERED[name]
    shapes = ((m, k), (n, k), (n,), (m, n))
    for body, given, buffers in ((plain, shapes[:3], 2), (residual, shapes, 4)):
        module = kernel_module(body, [TensorType(shape, F16) for shape in given])
        for cluster in (1, 2):
            check_results(module, replace(config, buffers=buffers, cluster=cluster), device)


@pytest.mark.parametrize("device", ["host", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("name", KEPT)
def test_blocks_keep_b(name: str, device: str) -> None:
    (m, k, n), config = KEPT[name]
    module = kernel_module(plain, [TensorType(shape, F16) for shape in ((m, k), (n, k), (n,))])
    check_results(module, config, device)


def check_results(module: Module, config: PersistentConfig, device: str) -> None:
    inputs = draw_inputs(module, np.random.default_rng(0), {})
    for got, want in compare(module, inputs, configured(config), device):
        error = np.abs(got.astype(np.float64) - want.astype(np.float64))
        assert (error / np.maximum(np.abs(want.astype(np.float64)), 1)).max() <= 2.0**-10


@pytest.mark.parametrize("device", ["host", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_clusters_share_what_lies_across_and_the_taps_of_windows(device: str) -> None:
    config = PersistentConfig(64, 128, 64, 1, 2, 4, buffers=2, cluster=2)
    types = [TensorType(shape, F16) for shape in ((300, 200), (200, 264), (264,))]
    check_results(kernel_module(across, types), config, device)
    image = TensorType((3, 64, 9, 7), F16, channels_last(4))
    weights = TensorType((64, 64, 3, 3), F16, channels_last(4))
    module = kernel_module(window, [image, weights, image])
    check_results(module, replace(config, block_n=64, buffers=4), device)


RAGGED = {  # channels, of which the last line of a tap has some and zeros
    "whole lines": (112, PersistentConfig(64, 64, 64, 1, 2, 4, buffers=4)),
    "in clusters": (112, PersistentConfig(64, 64, 64, 1, 2, 4, buffers=4, cluster=2)),
    "kept": (112, PersistentConfig(64, 64, 64, 1, 2, 4, buffers=2, kept=18)),
    "panels": (24, PersistentConfig(64, 96, 96, 1, 2, 3, buffers=4, depth=192)),
    "several lines": (144, PersistentConfig(128, 64, 64, 2, 1, 4, buffers=4)),
    "half a line": (40, PersistentConfig(64, 64, 64, 1, 2, 4, buffers=4)),
}


@pytest.mark.parametrize("device", ["host", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("name", RAGGED)
def test_windows_of_any_number_of_channels(name: str, device: str) -> None:
    channels, config = RAGGED[name]
    image = TensorType((5, channels, 9, 7), F16, channels_last(4))
    weights = TensorType((channels, channels, 3, 3), F16, channels_last(4))
    check_results(kernel_module(window, [image, weights, image]), config, device)


@pytest.mark.parametrize(
    ("name", "body", "n", "changed"),
    [
        ("results", plain, 200, {"buffers": 2}),
        ("residual", residual, 200, {"buffers": 4}),
        ("vectors", residual, 208, {"buffers": 4}),
        ("cluster", plain, 200, {"buffers": 2, "cluster": 2}),
        ("pairs", across, 200, {"buffers": 2}),
        ("kept", plain, 208, {"buffers": 2, "kept": 2}),
    ],
)
def test_emitted_text(name: str, body: Any, n: int, changed: dict[str, int], golden: Any) -> None:
    shapes = ((1400, 72), (72, n) if body is across else (n, 72), (n,), *[(1400, n)] * (body is residual))
    module = kernel_module(body, [TensorType(shape, F16) for shape in shapes])
    config = replace(PersistentConfig(128, 128, 64, 1, 2, 4), **changed)
    (source,) = plan_of(module, configured(config)).sources.values()
    assert source == golden.at(f"{name}.cu")


def on_gpu(case: Case) -> Module:
    """The kernel of CASE, as a module."""
    op = case.op

    def body(do: Any, a: Any, b: Any) -> Any:
        return do(Cast(do(type(op)(a, b, **op.attributes)), to=DTYPES[case.out]))

    result = op.result.type
    layout = channels_last(result.rank) if op.name == "graph.conv" else ROW_MAJOR
    outputs = [TensorType(result.shape, DTYPES[case.out], layout)]
    return kernel_module(body, [value.type for value in op.inputs], outputs)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [name for name in ROWS if name not in ("symbolic", "slice")])
def test_a_gpu_computes_what_the_host_does(name: str) -> None:
    case, config = ROWS[name]
    module = on_gpu(case)
    given = draw_inputs(module, np.random.default_rng(1), {})
    for got, want in compare(module, given, configured(config), "cuda"):
        scale = np.maximum(np.abs(want.astype(np.float64)), 4.0)
        error = np.abs(got.astype(np.float64) - want.astype(np.float64)) / scale
        exact = not DTYPES[case.out].is_float
        assert error.max() <= (0.0 if exact else 2.0**-7)


@pytest.mark.gpu
def test_a_gpu_adds_epilogue_operands() -> None:
    """Blocks have three tiles each, and rows and columns end within the last ones."""
    types = [TensorType(s, F16) for s in ((2000, 72), (600, 72), (600,), (2000, 600))]
    module = kernel_module(residual, types)
    given = draw_inputs(module, np.random.default_rng(0), {})
    for config in (PersistentConfig(64, 64, 64, 1, 2, 4), PersistentConfig(128, 128, 64, 2, 1, 3)):
        for got, want in compare(module, given, configured(config), "cuda"):
            assert np.abs(got.astype(np.float64) - want.astype(np.float64)).max() <= 2.0**-10


def test_only_targets_with_bulk_copies_propose_it() -> None:
    family = families()[NAME]
    assert family.runs_on(TARGET)
    assert not any(family.runs_on(arch_named(name)) for name in ("sm_80", "sm_89", "sm_90", "sm_120a"))


def test_problems_that_it_does_not_compute() -> None:
    assert unsupported(matmul("f32", (64, 64), (64, 64)).problem, TARGET) is not None
    empty = matmul("f16", (symbol("M"), 64), (64, 64), transpose_b=True, sizes={"M": 9})
    assert unsupported(empty.problem, TARGET) is None
    may_be_empty = replace(empty.problem, sizes=(("M", 0, 9, 9),))
    assert unsupported(may_be_empty, TARGET) == "a tensor map has no empty dimension"


def test_candidates_are_ordered_and_large_products_come_in_bands() -> None:
    problem = product(8192, 8192, 8192)
    found = candidates(problem, TARGET)
    assert found and all(config.raster > 1 for config in found[:3])
    assert candidates(conv("f16", (8, 64, 14, 14), (64, 64, 3, 3), pad=1).problem, TARGET)[0].raster == 1


def test_short_products_and_residuals_have_many_buffers() -> None:
    assert buffers_for(product(4096, 4096, 256), residual=False) == 4
    assert buffers_for(product(4096, 4096, 4096), residual=False) == 2
    assert buffers_for(product(4096, 4096, 4096), residual=True) == 4
