"""Recurrent nodes as loops over their steps."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.frontend import import_model
from glassrt.dialects.control import Loop
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.graph.contraction import Matmul
from onnx import TensorProto, helper, numpy_helper

from ...models import run_onnxruntime
from .recurrent import HIDDEN, INPUTS, recurrent


def test_sizes_may_be_symbols_and_outputs_absent() -> None:
    functions = ["Sigmoid", "Tanh", "Softsign", "Sigmoid", "Tanh", "Tanh"]  # no op has them, but a loop
    given = recurrent("LSTM", direction="bidirectional")
    weights = {f"x{index}": array for index, array in enumerate(given.arrays) if index and array is not None}
    attributes = {"direction": "bidirectional", "hidden_size": HIDDEN, "activations": functions}
    node = helper.make_node("LSTM", ["x0", *weights], ["", "h"], **attributes)
    x = helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["T", "B", INPUTS])
    h = helper.make_tensor_value_info("h", TensorProto.FLOAT, [2, "B", HIDDEN])
    stored = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph([node], "g", [x], [h], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    module = import_model(model)
    (loop,) = (op for op in module.walk() if isinstance(op, Loop))
    assert str(loop.count) == "T" and len(loop.results) == loop.carried == 2
    assert sum(isinstance(op, Matmul) for op in module.main.block) == 1
    assert sum(isinstance(op, Matmul) for op in loop.body.block) == 1
    for sizes in ((1, 1), (7, 2)):
        feed = {"x0": np.random.default_rng(3).standard_normal((*sizes, INPUTS), dtype=np.float32)}
        np.testing.assert_allclose(interpret(module, feed)["h"], run_onnxruntime(model, feed)["h"], atol=1e-5)
