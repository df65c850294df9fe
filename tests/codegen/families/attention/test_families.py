"""Attention kernels, on the host and on a GPU, against the interpreter; see `attention_cases.bound`."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.families.attention.mma import MMA, AttentionConfig
from glassrt.codegen.families.attention.simt import SimtAttentionConfig
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, F32
from hypothesis import given, settings
from hypothesis import strategies as st

from ...attention_cases import Shape, module_of
from ...one_kernel import compare, draw_inputs
from .checked import CASES, DEVICES, Config, check, taking


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_attention_agrees_with_the_interpreter(name: str, device: str) -> None:
    check(CASES[name], device=device)


@pytest.mark.gpu
@pytest.mark.parametrize("depth", [16, 64, 80, 128])
@pytest.mark.parametrize("mask", [None, (2, 1, 512, 512)], ids=["plain", "masked"])
def test_large_attention_agrees_with_the_interpreter(depth: int, mask: tuple[int, ...] | None) -> None:
    shape = Shape(heads=4, queries=512, keys=512, depth=depth, width=depth, mask=mask, mask_dtype=F16)
    check(shape, device="cuda")


@given(
    queries=st.integers(1, 40),
    keys=st.integers(1, 80),
    depth=st.integers(1, 40),
    width=st.integers(1, 40),
    dtype=st.sampled_from([F16, BF16]),
    layout=st.sampled_from(["dense", "inside", "packed"]),
    mask=st.sampled_from([None, "keys", "all"]),
    mask_dtype=st.sampled_from([F32, BF16, BOOL]),
    causal=st.booleans(),
    config=st.sampled_from([c for c in MMA.configurations() if c.stages == 2 and c.warps_s <= 2]),
)
@settings(max_examples=12)
def test_any_shape(
    queries: int, keys: int, depth: int, width: int, dtype: object, layout: str, mask: str | None,
    mask_dtype: object, causal: bool, config: AttentionConfig,
) -> None:  # fmt: skip
    if layout == "packed":
        queries, width = keys, depth
    shapes = {None: None, "keys": (2, 1, 1, keys), "all": (1, 2, queries, keys)}
    shape = Shape(
        heads=2, queries=queries, keys=keys, depth=depth, width=width, dtype=dtype, mask=shapes[mask],
        mask_dtype=mask_dtype, heads_inside=layout != "dense", packed=layout == "packed",
        attributes={"causal": causal},
    )  # type: ignore[arg-type]  # fmt: skip
    check(shape, taking(config))


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize(
    "config", [AttentionConfig(1, 1, 32, 2), AttentionConfig(1, 2, 32, 2), SimtAttentionConfig(2, 4)], ids=str
)
def test_queries_without_keys(guarded: bool, config: Config) -> None:
    """NaN, as softmax gives, or zeros when guarded."""
    dtype = F16 if isinstance(config, AttentionConfig) else F32
    shape = Shape(mask=(2, 1, 20, 24), mask_dtype=BOOL, attributes={"guarded": guarded}, dtype=dtype)
    module = module_of(shape)
    data = draw_inputs(module, np.random.default_rng(0))
    data["x3"][:, :, 5] = False
    data["x3"][:, :, 6:, 0] = True
    data["x2"][1, 1, 3, 4] = np.nan  # which weights of zero do not hide, as in ONNX Runtime
    [(got, want)] = compare(module, data, taking(config))
    assert (np.isnan(got[:, 0, 5]).all(), (got[:, 0, 5] == 0).all()) == (not guarded, guarded)
    assert np.isnan(got[1, 1, 5, 4])
    assert np.array_equal(np.isnan(got), np.isnan(want))


def test_nan_reaches_its_queries_alone() -> None:
    shape = Shape(heads=1, batch=1)
    module = module_of(shape)
    data = draw_inputs(module, np.random.default_rng(0))
    data["x0"][0, 0, 3, 2] = np.nan
    [(got, _)] = compare(module, data, taking(AttentionConfig(1, 1, 32, 2)))
    assert np.isnan(got[0, 0, 3]).all() and not np.isnan(np.delete(got, 3, 2)).any()
