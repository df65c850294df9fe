"""Rows of attention that a mask leaves no key, in kernels of both families."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from glassrt.codegen.families.attention.mma import AttentionConfig
from glassrt.codegen.families.attention.simt import SimtAttentionConfig
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, F32, DType
from hypothesis import given, settings
from hypothesis import strategies as st

from ...attention_cases import Array, Shape, bound, module_of
from ...one_kernel import compare, draw_inputs

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
LOWEST = float(np.finfo(np.float32).min)
LOWEST_BF16 = -(2.0**128 - 2.0**120)
TILE = 32  # keys of one warp: 70 keys are three tiles
SIMT, MMA = SimtAttentionConfig(2, 4), AttentionConfig(1, 1, TILE, 2)
MMA_SHARED = AttentionConfig(1, 2, TILE, 2)
MASKED_OUT, KEPT_LATE = 5, 7  # a query without keys, and one whose only key is in the last tile
BASE = Shape(queries=20, keys=70, mask=(2, 1, 20, 70))

Config = AttentionConfig | SimtAttentionConfig


def taking(config: Config, request: Request) -> Candidate:
    if [op.name for op in request.ops] == ["graph.cast"]:
        return candidates(request)[0]
    family = "attention_mma" if isinstance(config, AttentionConfig) else "attention_simt"
    return Candidate(family, asdict(config), 1.0)


def kept_keys(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Most keys for most queries, none for MASKED_OUT, the last alone for KEPT_LATE."""
    kept = rng.random(shape) < 0.7
    kept[..., 0] = True
    kept[:, :, [MASKED_OUT, KEPT_LATE]] = False
    kept[:, :, KEPT_LATE, -1] = True
    return kept


def run(shape: Shape, config: Config, low: float, device: str) -> tuple[dict[str, Array], Array, Array]:
    """Inputs, what the kernel gives, and what the interpreter gives, with LOW where no key is seen."""
    module = module_of(shape)
    rng = np.random.default_rng(2)
    data = draw_inputs(module, rng)
    kept = kept_keys(data["x3"].shape, rng)
    data["x3"] = kept if shape.mask_dtype == BOOL else np.where(kept, 0, low).astype(data["x3"].dtype)
    [(got, want)] = compare(module, data, lambda request: taking(config, request), device)
    return data, got, want


def check(shape: Shape, config: Config, low: float, device: str) -> None:
    data, got, want = run(shape, config, low, device)
    assert np.array_equal(np.isnan(got), np.isnan(want))
    allowed = bound(shape, want.astype(np.float64), float(np.abs(data["x2"].astype(np.float64)).max()))
    error = np.abs(got.astype(np.float64) - want.astype(np.float64))
    assert (np.isnan(error) | (error <= allowed)).all(), f"off by {np.nanmax(error)}"


FAMILIES = [
    pytest.param(F32, SIMT, id="simt"),
    pytest.param(F16, MMA, id="mma-f16"),
    pytest.param(BF16, MMA, id="mma-bf16"),
    pytest.param(F16, MMA_SHARED, id="mma-f16, keys shared by warps"),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("low", [-1e9, -1e30, LOWEST, -np.inf])
@pytest.mark.parametrize(("dtype", "config"), FAMILIES)
def test_added_masks_agree_with_the_interpreter(
    dtype: DType, config: Config, low: float, device: str
) -> None:
    check(replace(BASE, dtype=dtype), config, low, device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("fill", [-1e4, LOWEST, -np.inf])
@pytest.mark.parametrize(("dtype", "config"), FAMILIES)
def test_selected_masks_agree_with_the_interpreter(
    dtype: DType, config: Config, fill: float, device: str
) -> None:
    shape = replace(BASE, dtype=dtype, mask_dtype=BOOL, attributes={"fill": fill, "scale": 0.7})
    check(shape, config, 0.0, device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("low", [LOWEST, -np.inf])
@pytest.mark.parametrize(("dtype", "config"), FAMILIES)
def test_causal_masks_agree_with_the_interpreter(
    dtype: DType, config: Config, low: float, device: str
) -> None:
    square = replace(BASE, dtype=dtype, queries=70, mask=(2, 1, 70, 70), attributes={"causal": True})
    check(square, config, low, device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "low"), [(F16, -1e4), (F16, -65504.0), (BF16, -1e4), (BF16, LOWEST_BF16)])
def test_masks_in_the_type_of_the_queries(dtype: DType, low: float, device: str) -> None:
    """Their sum with the scores has that type too: a mask of -1e4 swallows all scores of a row."""
    data, got, _ = run(replace(BASE, dtype=dtype, mask_dtype=dtype), MMA, low, device)
    check(replace(BASE, dtype=dtype, mask_dtype=dtype), MMA, low, device)
    mean = data["x2"].astype(np.float64).mean(2)
    np.testing.assert_allclose(got[:, :, MASKED_OUT].astype(np.float64), mean, atol=0.02)


@pytest.mark.parametrize("device", DEVICES)
def test_only_rows_far_from_zero_are_rounded(device: str) -> None:
    """A thread has a row of each half: scores of about 730 are far from zero, those of about 610 are not."""
    shape = replace(BASE, dtype=BF16, mask_dtype=BF16, attributes={"scale": 1.0})
    module = module_of(shape)
    data = draw_inputs(module, np.random.default_rng(9))
    data["x0"][..., 0] = np.where(np.arange(20) % 16 < 8, 20, 24)
    data["x1"][..., 0], data["x3"][:] = 30.5, 0
    [(got, want)] = compare(module, data, lambda request: taking(MMA, request), device)
    allowed = bound(shape, want.astype(np.float64), float(np.abs(data["x2"].astype(np.float64)).max()))
    assert (np.abs(got.astype(np.float64) - want.astype(np.float64)) <= allowed).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "config"), FAMILIES)
def test_the_lowest_number_gives_the_mean_of_the_values(dtype: DType, config: Config, device: str) -> None:
    data, got, _ = run(replace(BASE, dtype=dtype), config, LOWEST, device)
    mean = data["x2"].astype(np.float64).mean(2)
    atol = 1e-6 if dtype == F32 else 0.02
    np.testing.assert_allclose(got[:, :, MASKED_OUT].astype(np.float64), mean, atol=atol)
    np.testing.assert_array_equal(got[:, :, KEPT_LATE], data["x2"][:, :, -1])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "config"), FAMILIES)
@pytest.mark.parametrize("size", [1e4, 1e9])
def test_scores_of_any_size(dtype: DType, config: Config, size: float, device: str) -> None:
    """All scores the same and large: the mean of the values, whatever rounding their size brings."""
    shape = replace(BASE, dtype=dtype, mask=None, attributes={"scale": size, "accumulate": F32})
    module = module_of(shape)
    data = draw_inputs(module, np.random.default_rng(3))
    data["x0"][:], data["x1"][:] = 0.7, 0.7
    [(got, _)] = compare(module, data, lambda request: taking(config, request), device)
    mean = np.broadcast_to(data["x2"].astype(np.float64).mean(2)[:, :, None], got.shape)
    np.testing.assert_allclose(got.astype(np.float64), mean, atol=1e-6 if dtype == F32 else 0.02)


@given(
    queries=st.integers(1, 20), keys=st.integers(1, 80), depth=st.integers(1, 24), width=st.integers(1, 24),
    dtype=st.sampled_from([F32, F16, BF16]), causal=st.booleans(), guarded=st.booleans(),
    low=st.sampled_from([-1e9, LOWEST, -np.inf]), rows=st.sampled_from(["one", "all"]),
    seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=15)
def test_any_mask(
    queries: int, keys: int, depth: int, width: int, dtype: DType, causal: bool, guarded: bool, low: float,
    rows: str, seed: int,
) -> None:  # fmt: skip
    mask = (2, 1, 1 if rows == "one" else queries, keys)
    shape = Shape(
        heads=2, queries=queries, keys=keys, depth=depth, width=width, dtype=dtype, mask=mask,
        attributes={"causal": causal, "guarded": guarded},
    )  # fmt: skip
    module = module_of(shape)
    rng = np.random.default_rng(seed)
    data = draw_inputs(module, rng)
    kept = (rng.random(mask) < 0.5) & (rng.random((*mask[:3], 1)) < 0.7)
    data["x3"] = np.where(kept, 0, low).astype(np.float32)
    [(got, want)] = compare(module, data, lambda request: taking(SIMT if dtype == F32 else MMA, request))
    assert np.array_equal(np.isnan(got), np.isnan(want))
    allowed = bound(shape, np.nan_to_num(want.astype(np.float64)), float(np.abs(data["x2"]).max()))
    error = np.nan_to_num(np.abs(got.astype(np.float64) - want.astype(np.float64)))
    assert (error <= allowed).all()


@pytest.mark.parametrize("dtype", [F32, F16])
def test_no_keys_at_all_give_zeros(dtype: DType) -> None:
    shape = Shape(queries=20, keys=0, dtype=dtype)
    config = SIMT if dtype == F32 else MMA
    module = module_of(shape)
    data = draw_inputs(module, np.random.default_rng(3))
    [(got, want)] = compare(module, data, lambda request: taking(config, request))
    assert (got == 0).all() and (want == 0).all()
