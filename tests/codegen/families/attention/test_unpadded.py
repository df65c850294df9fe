"""Attention over sequences without padding, on the host and on a GPU, against softmax written out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.attention.mma import AttentionConfig
from glassrt.codegen.families.attention.simt import SimtAttentionConfig
from glassrt.compiler.driver.build import present_arch
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I32, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.unpadded_attention import UnpaddedAttention
from glassrt.runtime.engine import Engine

from ...one_kernel import kernel_module, plan_of
from .checked import DEVICES, Config, taking

Array = np.ndarray[Any, Any]
N, S, T = symbol("N"), symbol("S"), symbol("T")
RANGES = {"N": SymbolRange(0, 4, 8), "S": SymbolRange(1, 40, 90), "T": SymbolRange(0, 100, 700)}
HEADS, DEPTH, WIDTH = 3, 24, 40
LENGTHS = [[40, 0, 1, 77, 64], [0, 0], [1], [0, 33], [90, 90], [17, 16, 15, 0]]


def module_of(dtype: DType, causal: bool) -> Module:
    """Heads beside their features, as projections have them; the last input says how long sequences are."""

    def body(do: Any, q: Value, k: Value, v: Value, offsets: Value, longest: Value) -> Value:
        split = [
            do(Transpose(do(Reshape(rows, shape=[T, HEADS, features])), perm=[1, 0, 2]))
            for rows, features in ((q, DEPTH), (k, DEPTH), (v, WIDTH))
        ]
        accumulate = None if dtype == F32 else F32
        y = do(
            UnpaddedAttention(
                *split, None, offsets, longest=S, scale=0.3, causal=causal, accumulate=accumulate
            )
        )
        return do(Cast(do(Transpose(y, perm=[1, 0, 2])), to=dtype))

    rows = [TensorType((T, HEADS * features), dtype) for features in (DEPTH, DEPTH, WIDTH)]
    return kernel_module(body, [*rows, TensorType((N + 1,), I32), TensorType((S,), F32)], None, RANGES)


def drawn(dtype: DType, lengths: list[int], spare: int, rng: np.random.Generator) -> dict[str, Array]:
    offsets = np.cumsum([0, *lengths]).astype(np.int32)
    total = int(offsets[-1]) + spare
    sizes = (DEPTH, DEPTH, WIDTH)
    rows = [rng.standard_normal((total, HEADS * size)).astype(dtype.numpy) for size in sizes]
    longest = np.zeros(max([*lengths, 1]), np.float32)
    return {f"x{at}": each for at, each in enumerate([*rows, offsets, longest])}


def written_out(inputs: dict[str, Array], causal: bool) -> Array:
    q, k, v = (inputs[f"x{at}"].astype(np.float64).reshape(-1, HEADS, size).swapaxes(0, 1)
               for at, size in enumerate((DEPTH, DEPTH, WIDTH)))  # fmt: skip
    y = np.zeros_like(v)
    offsets = inputs["x3"]
    for begin, end in pairwise(offsets):
        own = np.s_[:, begin:end]
        powers = np.exp(0.3 * q[own] @ k[own].swapaxes(1, 2))
        powers = np.tril(powers) if causal else powers
        y[own] = powers / powers.sum(-1, keepdims=True) @ v[own]
    return y.swapaxes(0, 1)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("dtype", "config", "causal"),
    [
        (F16, AttentionConfig(1, 2, 32, 3), False),
        (F16, AttentionConfig(4, 1, 64, 2), True),
        (F32, SimtAttentionConfig(2, 4), False),
    ],
    ids=str,
)
def test_each_sequence_attends_to_itself(dtype: DType, config: Config, causal: bool, device: str) -> None:
    module, rng = module_of(dtype, causal), np.random.default_rng(0)
    target = present_arch() if device == "cuda" else None
    plan = plan_of(module, taking(config), (target,) if target else ())
    with Engine(plan, device) as engine:
        for lengths in LENGTHS:
            inputs = drawn(dtype, lengths, 5, rng)
            want = written_out(inputs, causal)
            for got in (engine.run(inputs)["y0"], interpret(module, inputs)["y0"]):
                bound = 1e-5 if dtype == F32 else 4e-3
                np.testing.assert_allclose(got.astype(np.float64), want, rtol=bound, atol=bound)
                assert not got[-5:].any()
        assert engine.run(drawn(dtype, [], 0, rng))["y0"].shape == (0, HEADS, WIDTH)
        _check_that_nan_stays(engine, drawn(dtype, [20, 20, 20], 4, rng))
        _check_that_any_offsets_are_safe(engine, drawn(dtype, [20, 20], 0, rng))


def _check_that_nan_stays(engine: Engine, inputs: dict[str, Array]) -> None:
    """What is not finite in a sequence, or behind the last one, is its own matter."""
    for at in range(3):
        inputs[f"x{at}"][20:40] = np.nan
        inputs[f"x{at}"][60:] = np.inf
    got = engine.run(inputs)["y0"]
    assert np.isnan(got[20:40]).all() and np.isfinite(np.delete(got, np.s_[20:40], 0)).all()


def _check_that_any_offsets_are_safe(engine: Engine, inputs: dict[str, Array]) -> None:
    """Offsets that are none read and write nothing outside: the host device would say so."""
    for offsets in ([-7, 1000, 3], [50, 60, 70], [2**31 - 1, -(2**31), 0]):
        engine.run({**inputs, "x3": np.array(offsets, np.int32)})
