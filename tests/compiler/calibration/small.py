"""Small networks that the tests calibrate."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]

WEIGHT = np.random.default_rng(5).standard_normal((4, 3)).astype(np.float32)


def network(weight: Array = WEIGHT, output: str = "y", batch: int | str = "N") -> ModelProto:
    """y = relu(x w + [0, 1, 2]) reshaped, and an integer result beside it; tensors named after no node."""
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["sum"], name="gemm"),
        helper.make_node("Relu", ["sum"], ["kept"], name="relu"),
        helper.make_node("Transpose", ["kept"], [output], name="turn", perm=[1, 0]),
        helper.make_node("ArgMax", ["kept"], ["best"], name="best", axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 4])],
        [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, [3, batch]),
            helper.make_tensor_value_info("best", TensorProto.INT64, [batch]),
        ],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.arange(3, dtype=np.float32), "b")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def siblings() -> ModelProto:
    """Two products of one input, which the compiler likes to join, and a sum with a second input."""
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["p"], name="left"),
        helper.make_node("MatMul", ["x", "w"], ["q"], name="right"),
        helper.make_node("Add", ["p", "q"], ["s"], name="add"),
        helper.make_node("Add", ["s", "shift"], ["t"], name="shifted"),
    ]
    graph = helper.make_graph(
        nodes,
        "siblings",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4]),
            helper.make_tensor_value_info("shift", TensorProto.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("t", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(WEIGHT, "v"), numpy_helper.from_array(-WEIGHT, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def batches(count: int = 3, size: int = 5, seed: int = 0) -> list[dict[str, Array]]:
    """Inputs of `network`."""
    rng = np.random.default_rng(seed)
    return [{"x": rng.standard_normal((size, 4)).astype(np.float32)} for _ in range(count)]
