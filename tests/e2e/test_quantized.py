"""Quantized models from the file to the kernels of the host device: exactly what the interpreter gives."""

from __future__ import annotations

from pathlib import Path

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ..models import Array, run_onnxruntime
from ..quantized import FORMATS, quantized, small_network


def run_on_host(model: ModelProto, inputs: dict[str, Array], precision: str = "fp32") -> dict[str, Array]:
    plan = glassrt.compile(model, target="host", precision=precision)
    with glassrt.load(plan, device="host") as engine:
        return engine.run(inputs)


@pytest.mark.parametrize("form", FORMATS)
def test_a_network_of_the_quantizer(form: str, tmp_path: Path) -> None:
    model = quantized(small_network(), tmp_path, form)
    inputs = {"x": np.random.default_rng(4).standard_normal((2, 3, 32, 32), np.float32)}
    want = interpret(import_model(model), inputs)
    have = run_on_host(model, inputs)
    for name, array in want.items():
        steps = np.abs(have[name] - array) / np.unique(np.abs(array))[1]
        # Sums in another order may fall on the other side of a tie.
        assert steps.max() <= 1.01
        assert np.mean(steps > 0.01) <= 0.01


def integer_model() -> ModelProto:
    """A product and a convolution of bytes of both kinds, with zero points on all of them."""
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("MatMulInteger", ["q", "w", "z", "wz"], ["product"]),
        helper.make_node("ConvInteger", ["c", "v", "cz", "vz"], ["y"], pads=[1, 0, 1, 2], group=2),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 20]),
        helper.make_tensor_value_info("c", TensorProto.UINT8, ["N", 4, 9, 9]),
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in ("product", "y")]
    constants = {
        "w": random.integers(-128, 128, (20, 7)).astype(np.int8),
        "wz": np.array(3, np.int8),
        "v": random.integers(0, 256, (6, 2, 3, 3)).astype(np.uint8),
        "cz": np.array(100, np.uint8),
        "vz": np.array(120, np.uint8),
    }
    stored = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "integers", inputs, outputs, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_products_of_bytes() -> None:
    random = np.random.default_rng(1)
    inputs = {
        "x": random.standard_normal((3, 20), np.float32),
        "c": random.integers(0, 256, (3, 4, 9, 9)).astype(np.uint8),
    }
    have, want = run_on_host(integer_model(), inputs), run_onnxruntime(integer_model(), inputs)
    for name, array in want.items():
        np.testing.assert_array_equal(have[name], array)
