"""Small networks whose ops bear eight bits in known ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
WIDTH = 64


def chain(count: int = 3, outlier: int | None = None, width: int = WIDTH) -> ModelProto:
    """y = x W0, relu, W1, ..: products `p0`, `p1`, .. of rows of WIDTH; what product OUTLIER reads has one
    element a thousand times as large as the others, which its weights leave out."""
    rng = np.random.default_rng(7)
    nodes, weights = [], []
    last = "x"
    for number in range(count):
        weight = (rng.standard_normal((width, width)) / width**0.5).astype(np.float32)
        if number == outlier:
            scale = np.ones(width, np.float32)
            scale[0] = 1000
            weight[0] = 0
            weights.append(numpy_helper.from_array(scale, f"s{number}"))
            nodes.append(helper.make_node("Mul", [last, f"s{number}"], [f"m{number}"], name=f"mul{number}"))
            last = f"m{number}"
        weights.append(numpy_helper.from_array(weight, f"w{number}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{number}"], [f"t{number}"], name=f"p{number}"))
        last = f"t{number}"
        if number + 1 < count:
            nodes.append(helper.make_node("Relu", [last], [f"r{number}"], name=f"relu{number}"))
            last = f"r{number}"
    nodes[-1].output[0] = "y"
    return made(nodes, weights, width=width)


def made(
    nodes: Sequence[Any], weights: Sequence[Any], output: int = TensorProto.FLOAT, width: int = WIDTH
) -> ModelProto:
    """A model of rows of WIDTH with the input x and the output y."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info("y", output, None)],
        list(weights),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def batches(count: int = 2, size: int = 16, width: int = WIDTH) -> list[dict[str, Array]]:
    """Inputs of them."""
    rng = np.random.default_rng(1)
    return [{"x": rng.standard_normal((size, width)).astype(np.float32)} for _ in range(count)]
