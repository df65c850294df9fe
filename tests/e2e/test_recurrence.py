"""Recurrence as emitted kernels on the host, against ONNX Runtime; some sequences end early."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import compile, load
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ..compiler.frontend.recurrent import recurrent
from ..models import run_onnxruntime

WIDTH = 4


def two_of(first: int, second: int) -> ModelProto:
    """Two RNNs of one width over sequences of different lengths."""
    generator = np.random.default_rng(0)
    nodes, inputs, outputs, weights = [], [], [], []
    for name, steps in (("a", first), ("b", second)):
        shapes = {"w": (1, WIDTH, WIDTH), "r": (1, WIDTH, WIDTH)}
        weights += [
            numpy_helper.from_array(generator.standard_normal(shape).astype(np.float32), name + kind)
            for kind, shape in shapes.items()
        ]
        operands = [f"{name}x", f"{name}w", f"{name}r"]
        nodes.append(helper.make_node("RNN", operands, [f"{name}y"], name, hidden_size=WIDTH))
        sizes = [steps, 1, WIDTH]
        inputs.append(helper.make_tensor_value_info(f"{name}x", TensorProto.FLOAT, sizes))
        outputs.append(helper.make_tensor_value_info(f"{name}y", TensorProto.FLOAT, None))
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_kernels_that_write_rows_of_different_stacks_are_different() -> None:
    model = two_of(10, 4)
    given = {f"{name}x": np.full((steps, 1, WIDTH), 0.5, np.float32) for name, steps in (("a", 10), ("b", 4))}
    with load(compile(model, target="host"), device="host") as engine:
        have, want = engine.run(given), run_onnxruntime(model, given)
    for name, array in want.items():
        np.testing.assert_allclose(have[name], array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("precision", "bound"), [("fp32", 2e-5), ("fp16", 2e-2)])
@pytest.mark.parametrize("op", ["LSTM", "GRU"])
def test_sequences_that_end_early(op: str, precision: str, bound: float) -> None:
    given = recurrent(op, direction="bidirectional", lengths=(5, 2, 1), states=True)
    model = given.model(14)
    with load(compile(model, target="host", precision=precision), device="host") as engine:
        have, want = engine.run(given.inputs), run_onnxruntime(model, given.inputs)
    for name, array in want.items():
        assert have[name].shape == array.shape
        np.testing.assert_allclose(have[name], array, rtol=0, atol=bound * float(np.abs(array).max()))


def test_states_from_integers_keep_their_digits() -> None:
    generator = np.random.default_rng(0)
    weights = {
        "w": generator.standard_normal((1, WIDTH, WIDTH)),
        "r": 0.1 * generator.standard_normal((1, WIDTH, WIDTH)),
    }
    nodes = [
        helper.make_node("Cast", ["i"], ["h"], to=TensorProto.FLOAT),
        helper.make_node("RNN", ["x", "w", "r", "", "", "h"], ["y"], hidden_size=WIDTH, activations=["Relu"]),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, WIDTH]),
        helper.make_tensor_value_info("i", TensorProto.INT64, [1, 3, WIDTH]),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    held = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    given = {
        "x": generator.standard_normal((2, 3, WIDTH)).astype(np.float32),
        "i": generator.integers(70_000, 90_000, (1, 3, WIDTH)),  # beyond the largest f16
    }
    with load(compile(model, target="host", precision="fp16"), device="host") as engine:
        have, want = engine.run(given)["y"], run_onnxruntime(model, given)["y"]
    np.testing.assert_allclose(have, want, rtol=0, atol=2e-2 * float(np.abs(want).max()))
