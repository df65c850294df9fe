"""Queries, keys and values that are cut from one transposed tensor, and masks of one element."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
import onnx
import pytest

from ....models import run_onnxruntime
from ...spellings import Onnx

Array = np.ndarray[Any, Any]
BATCH, TOKENS, HEADS, FEATURES = 2, 10, 3, 8
WIDTH = HEADS * FEATURES
CUTS = ["gather", "split", "slice", "reshaped slice"]


def cut(g: Onnx, how: str, x: str, part: int, batch: int) -> str:
    """Matrix PART of x, [3, batch, heads, tokens, features]."""
    if how == "gather":
        return g("Gather", x, g.const(part, np.int64), axis=0)
    if how == "split":
        slices = [g("Slice", x, g.ints(i), g.ints(i + 1), g.ints(0)) for i in range(3)]
        return g("Squeeze", slices[part], g.ints(0))
    piece = g("Slice", x, g.ints(part), g.ints(part + 1), g.ints(0))
    if how == "slice":
        return g("Squeeze", piece, g.ints(0))
    return g("Reshape", piece, g.ints(batch, HEADS, TOKENS, FEATURES))


def turned(g: Onnx, how: str, k: str, batch: int) -> str:
    """K with its last dimensions swapped, as eager and as exported scaled_dot_product_attention does it, or
    just read in the other shape."""
    if how == "transposed":
        return g("Transpose", k, perm=[0, 1, 3, 2])
    if how == "reshaped":
        return g("Reshape", k, g.ints(batch, HEADS, FEATURES, TOKENS))
    flat = g("Transpose", g("Reshape", k, g.ints(-1, TOKENS, FEATURES)), perm=[0, 2, 1])
    return g("Reshape", flat, g.ints(batch, HEADS, FEATURES, TOKENS))


def vision_layer(how: str, keys: str = "transposed", batch: int = BATCH, mask: Array | None = None) -> bytes:
    """Attention of a vision transformer: one projection, split into heads and transposed as a whole."""
    g = Onnx()
    rows = g("MatMul", g.input(batch, TOKENS, WIDTH), g.weights(WIDTH, 3 * WIDTH))
    heads = g("Reshape", rows, g.ints(batch, TOKENS, 3, HEADS, FEATURES))
    whole = g("Transpose", heads, perm=[2, 0, 3, 1, 4])
    q, k, v = (cut(g, how, whole, part, batch) for part in range(3))
    half = g.const(FEATURES**-0.25)
    scores = g("MatMul", g("Mul", q, half), g("Mul", turned(g, keys, k, batch), half))
    if mask is not None:
        scores = g("Add", scores, g.const(mask))
    y = g("Transpose", g("MatMul", g("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    return g.done(g("Reshape", y, g.ints(batch, TOKENS, WIDTH)))


def check(model: bytes, precision: str, batch: int = BATCH) -> glassrt.Plan:
    inputs = {"in0": np.random.default_rng(8).standard_normal((batch, TOKENS, WIDTH)).astype(np.float32)}
    [want] = run_onnxruntime(onnx.load_from_string(model), inputs).values()
    plan = glassrt.compile(model, precision=precision, target="host")
    with glassrt.load(plan, device="host") as engine:
        [got] = engine.run(inputs).values()
    assert np.array_equal(np.isnan(got), np.isnan(want))
    bound = {"fp32": 2e-5, "fp16": 1e-2}[precision] * np.nanmax(np.abs(want), initial=1e-3)
    assert np.nanmax(np.abs(got - want), initial=0.0) <= bound
    return plan


@pytest.mark.parametrize("batch", [1, BATCH])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("keys", ["transposed", "flattened"])
@pytest.mark.parametrize("how", CUTS)
def test_parts_of_one_tensor_are_read_where_they_lie(how: str, keys: str, precision: str, batch: int) -> None:
    plan = check(vision_layer(how, keys, batch), precision, batch)
    if how != "gather":
        assert len(plan.manifest["launches"]) == 2, "the projection and attention"


@pytest.mark.parametrize("how", CUTS)
def test_each_operand_is_asked_for_its_strides(how: str) -> None:
    """Keys that are reshaped so as no strides of the whole tensor say: it is transposed outside."""
    plan = check(vision_layer(how, "reshaped"), "fp32")
    assert plan.ir("launch").count("graph.attention") == 1


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1), (1, 1, 1, TOKENS), (TOKENS, 1)], ids=str)
@pytest.mark.parametrize("number", [-3.0, -1e9, np.finfo(np.float32).min, -np.inf])
def test_constant_masks(number: float, shape: tuple[int, ...], precision: str) -> None:
    check(vision_layer("slice", mask=np.full(shape, number)), precision)
