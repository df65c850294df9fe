"""The first layers of image networks against ONNX Runtime: three channels, in floats and quantized."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
import onnx.parser
import pytest
from onnx import ModelProto, numpy_helper

from ..models import run_onnxruntime

Array = np.ndarray[Any, Any]
FLOATS = """
    x0 = Sub(x, mean)
    c = Conv <strides = [2, 2], pads = [3, 3, 3, 3]> (x0, w, b)
    r = Relu(c)
    y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (r)"""
QUANTIZED = """
    q = QuantizeLinear(x, scale, zero)
    d = DequantizeLinear(q, scale, zero)
    wq = QuantizeLinear(w, small, zero)
    wd = DequantizeLinear(wq, small, zero)
    c = Conv <strides = [2, 2], pads = [3, 3, 3, 3]> (d, wd, b)
    r = Relu(c)
    rq = QuantizeLinear(r, scale, zero)
    y = DequantizeLinear(rq, scale, zero)"""


def stem(body: str) -> ModelProto:
    """The network BODY on four images of 96 x 96, with constants of its own."""
    head = '<ir_version: 9, opset_import: ["" : 17]> stem (float[4, 3, 96, 96] x) => (float[] y) {'
    model = onnx.parser.parse_model(f"{head}{body}\n}}")
    model.graph.output[0].type.tensor_type.ClearField("shape")
    rng = np.random.default_rng(5)
    constants = {
        "mean": rng.standard_normal((1, 3, 1, 1)),
        "w": rng.standard_normal((32, 3, 7, 7)) / 12,
        "b": rng.integers(-(2**14), 2**14, 32) * 2.0**-14,  # ONNX Runtime quantizes it, too
        "scale": np.array(2.0**-5),
        "small": np.array(2.0**-9),
    }
    for name, value in constants.items():
        if f"{name})" in body or f"{name}," in body:
            model.graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
    if "zero" in body:
        model.graph.initializer.append(numpy_helper.from_array(np.int8(0), "zero"))
    return model


@pytest.mark.parametrize(
    ("body", "precision", "error"),
    [(FLOATS, "fp16", 2e-3), (FLOATS, "bf16", 2e-2), (QUANTIZED, "fp32", 1e-6)],
)
def test_the_first_layers_agree_with_onnxruntime(body: str, precision: str, error: float) -> None:
    """What comes before the convolution is part of its kernel, which reads the image as it is."""
    model = stem(body)
    given = {"x": np.random.default_rng(6).standard_normal((4, 3, 96, 96)).astype(np.float32)}
    plan = glassrt.compile(model, precision=precision)
    first = plan.ir("launch").split("launch.kernel")[1]
    assert (
        first.split(" ")[2].startswith("%0") and "graph.conv" in first and 'family = "few_channels' in first
    )
    with glassrt.load(plan, device="host") as engine:
        found = np.asarray(engine.run(given)["y"], np.float64)
    expected = run_onnxruntime(model, given)["y"].astype(np.float64)
    assert np.linalg.norm(found - expected) <= error * np.linalg.norm(expected)
