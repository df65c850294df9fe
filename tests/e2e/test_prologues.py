"""Embeddings and normalised inputs are read by the products behind them, without launches of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.settings.policy import as_policy
from onnx import ModelProto, TensorProto

from ..models import run_onnxruntime
from .agreement import distance
from .networks import Net

Inputs = dict[str, Any]
WORDS, SIZE = 50, 7


def embedding() -> tuple[ModelProto, Inputs]:
    """Gather, Gemm, Relu, Gemm."""
    net = Net(1)
    rows = net.op("Gather", net.normal(WORDS, 24), net.input("words", "N", dtype=TensorProto.INT64))
    model = net.done(net.dense(net.relu(net.dense(rows, 24, 40)), 40, 5))
    return model, {"words": np.random.default_rng(2).integers(-WORDS, WORDS, SIZE)}


def quantized() -> tuple[ModelProto, Inputs]:
    """Rows of a table of bytes with a scale for each word, read with short indices."""
    net = Net(2)
    words = net.op("Cast", net.input("words", "N", 3, dtype=TensorProto.INT32), to=TensorProto.INT64)
    table = net.const(net.random.integers(-100, 100, (WORDS, 24)).astype(np.int8))
    wide = net.op("Cast", net.op("Gather", table, words), to=TensorProto.FLOAT)
    scaled = net.op("Mul", wide, net.input("scale", "N", 3, 1))
    model = net.done(net.linear(net.relu(net.linear(scaled, 24, 40)), 40, 5))
    rng = np.random.default_rng(3)
    words_ = rng.integers(-WORDS, WORDS, (SIZE, 3)).astype(np.int32)
    return model, {"words": words_, "scale": rng.uniform(0.01, 0.02, (SIZE, 3, 1)).astype(np.float32)}


def pixels() -> tuple[ModelProto, Inputs]:
    """Bytes, from which a mean is taken and which a deviation divides."""
    net = Net(3)
    wide = net.op("Cast", net.input("pixels", "N", 24, dtype=TensorProto.UINT8), to=TensorProto.FLOAT)
    mean, deviation = net.normal(24, scale=5, around=128), net.normal(24, scale=5, around=64)
    normal = net.op("Div", net.op("Sub", wide, mean), deviation)
    model = net.done(net.dense(net.relu(net.dense(normal, 24, 40)), 40, 5))
    return model, {"pixels": np.random.default_rng(4).integers(0, 256, (SIZE, 24)).astype(np.uint8)}


def floats() -> tuple[ModelProto, Inputs]:
    """An input of the model, in f32 whatever it is multiplied in."""
    net = Net(4)
    model = net.done(net.dense(net.relu(net.dense(net.input("x", "N", 24), 24, 40)), 40, 5))
    return model, {"x": np.random.default_rng(5).standard_normal((SIZE, 24)).astype(np.float32)}


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("make", [embedding, quantized, pixels, floats])
def test_a_product_is_a_launch(make: Callable[[], tuple[ModelProto, Inputs]], precision: str) -> None:
    model, inputs = make()
    plan = build(model, Settings(precision=as_policy(precision))).plan
    units = {"fp32": "without tensor cores", "fp16": "on tensor cores"}[precision]
    assert len(plan.spec.launches) == 2
    product = re.compile(rf"^// (Implicit matrix product|Product of few rows) {units}", re.MULTILINE)
    assert all(product.search(source) for source in plan.sources.values())
    results = glassrt.load(plan, device="host").run(inputs)
    assert distance(results, run_onnxruntime(model, inputs), precision) < 1


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_it_is_the_same_without_prologues(precision: str) -> None:
    """An embedding that is stored and read again gives the same bits."""
    model, inputs = embedding()
    both = []
    for disabled in (frozenset[str](), frozenset({"contraction-prologue"})):
        plan = build(model, Settings(precision=as_policy(precision), disabled=disabled)).plan
        both.append((len(plan.spec.launches), glassrt.load(plan, device="host").run(inputs)))
    (fused, got), (apart, want) = both
    assert (fused, apart) == (2, 3)
    for name, values in want.items():
        np.testing.assert_array_equal(got[name], values)
