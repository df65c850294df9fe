"""The graph with quantize-dequantize pairs: its outputs are the model's with every tensor rounded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt import CalibrationTable, calibrate
from glassrt.compiler.checking.explicit import explicit_outputs, inserts_scales
from glassrt.compiler.driver.build import Settings
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import Pass, PassContext
from glassrt.compiler.precision.quantization.insert import InsertQuantization
from glassrt.compiler.simplify import canonicalize
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.testing.net import Net

from .small import settings
from .test_bisect import planted

Array = np.ndarray[Any, Any]
X = np.random.default_rng(1).standard_normal((16, 8)).astype(np.float32)
W = np.random.default_rng(2).standard_normal((8, 5)).astype(np.float32)
V = np.eye(5, 4, dtype=np.float32)  # the last product before an output stays in floats


def model() -> Module:
    """relu(x W) V."""
    net = Net()
    x = net.input("x", 16, 8)
    kept = net.add(Relu, net.add(Matmul, x, net.const(W)))
    return net.done(net.add(Matmul, kept, net.const(V)))


def meant(x: Array, w: Array) -> Array:
    return np.asarray(np.maximum(x.astype(np.float64) @ w, 0) @ V)


@pytest.fixture(scope="module")
def table() -> CalibrationTable:
    return calibrate(model(), [{"x": X}], calibrator="min-max", device="interpret")


def eight_bits(table: CalibrationTable) -> Settings:
    return replace(settings("int8"), calibration=table)


def rounded(values: Array, scale: Any) -> Array:
    """VALUES to the nearest of 255 steps, as int8 stores them."""
    return np.asarray(np.clip(np.round(values / scale), -128, 127) * scale)


def test_every_tensor_that_is_multiplied_is_rounded(table: CalibrationTable) -> None:
    want = {"y": meant(X, W)}
    found = explicit_outputs(model(), eight_bits(table), {"x": X}, want, None)
    exact = meant(rounded(X, np.abs(X).max() / 127), rounded(W, np.abs(W).max(0) / 127))
    np.testing.assert_allclose(found.outputs["y"], exact, atol=1e-4)
    assert np.abs(found.outputs["y"] - want["y"]).max() > 1e-3
    assert found.rewrites is not None and [each.ok for each in found.rewrites] == [True]


def test_a_fault_before_the_scales_is_in_the_rewrites(
    table: CalibrationTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canonicalize, "PATTERNS", (*canonicalize.PATTERNS, planted))
    want = {"y": meant(X, W)}
    for tolerance, ok in ((None, False), (1e-3, False), (10.0, True)):
        found = explicit_outputs(model(), eight_bits(table), {"x": X}, want, tolerance)
        assert found.rewrites is not None and [each.ok for each in found.rewrites] == [ok]


def test_a_model_with_scales_of_its_own_is_taken_as_it_is(table: CalibrationTable) -> None:
    context = PassContext(ALL_DIALECTS, eight_bits(table).precision, clips={"x": 1.0})
    step: Pass = InsertQuantization()
    quantized = step.run(model(), context)
    want = interpret(quantized, {"x": X})
    found = explicit_outputs(quantized, settings("fp16"), {"x": X}, want, None)
    assert found.rewrites is None
    np.testing.assert_array_equal(found.outputs["y"], want["y"])


def test_scales_are_put_in_where_a_policy_and_a_table_ask_for_them(table: CalibrationTable) -> None:
    assert inserts_scales(model(), eight_bits(table))
    assert not inserts_scales(model(), settings("int8"))
    assert not inserts_scales(model(), replace(settings("fp16"), calibration=table))
