"""Bidirectional recurrent layers and a classifier of each step, as an ONNX model with the ops that torch.onnx
exports; `recurrent_module.py` has the module of PyTorch with the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

STEPS, FEATURES, CLASSES = 100, 160, 64
GATES = {"LSTM": 4, "GRU": 3}
ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2)}  # of ONNX's gates in PyTorch
Array = np.ndarray[Any, Any]
Weights = list[list[Array]]  # of each layer those of inputs, states and both biases; then the classifier's


def weights_of(kind: str, hidden: int, layers: int) -> Weights:
    """Random weights as PyTorch draws them, exact in fp16."""
    generator, rows = np.random.default_rng(0), GATES[kind] * hidden

    def drawn(*shape: int, bound: float = hidden**-0.5) -> Array:
        return generator.uniform(-bound, bound, shape).astype(np.float16).astype(np.float32)

    found = [
        [drawn(2, rows, 2 * hidden if layer else FEATURES), drawn(2, rows, hidden), drawn(2, 2 * rows)]
        for layer in range(layers)
    ]
    bound = (2 * hidden) ** -0.5
    return [*found, [drawn(CLASSES, 2 * hidden, bound=bound), drawn(CLASSES, bound=bound)]]


def as_onnx(kind: str, weights: Weights, batch: int) -> ModelProto:
    """The model for BATCH sequences, which come first in its input x [batch, steps, features]."""
    *layers, (classes, bias) = weights
    hidden = layers[0][1].shape[2]
    stored: dict[str, Array] = {"turned": np.array([0, 0, -1], np.int64)}
    stored |= {"zero": np.zeros((2, batch, hidden), np.float32), "classes": classes.T.copy(), "bias": bias}
    nodes, last = [helper.make_node("Transpose", ["x"], ["by_step"], perm=[1, 0, 2])], "by_step"
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": "bidirectional"}
    attributes |= {"linear_before_reset": 1} if kind == "GRU" else {}
    for at, each in enumerate(layers):
        names = [f"w{at}", f"r{at}", f"b{at}"]
        stored |= dict(zip(names, each, strict=True))
        operands = [last, *names, "", *["zero"] * (2 if kind == "LSTM" else 1)]
        nodes += [
            helper.make_node(kind, operands, [f"y{at}"], f"layer{at}", **attributes),
            helper.make_node("Transpose", [f"y{at}"], [f"t{at}"], perm=[0, 2, 1, 3]),
            helper.make_node("Reshape", [f"t{at}", "turned"], [f"z{at}"]),
        ]
        last = f"z{at}"
    nodes += [
        helper.make_node("Transpose", [last], ["by_sequence"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["by_sequence", "classes"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["y"]),
    ]
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, STEPS, size])
        for name, size in (("x", FEATURES), ("y", CLASSES))
    )
    constants = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    graph = helper.make_graph(nodes, "recurrent", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
