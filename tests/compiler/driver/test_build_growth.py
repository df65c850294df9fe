"""The time of a whole build grows as the size of the model, whatever its graph is like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, build
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ...growth import assert_growth

UNARY = ("Sin", "Cos", "Tanh", "Sigmoid")


def model(nodes: list[NodeProto], side: int = 8, **stored: np.ndarray) -> ModelProto:
    """A model of NODES from x to y, both floats."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [side, 16])],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def wide(size: int) -> ModelProto:
    """Four chains side by side, all of whose values are summed."""
    last, nodes = ["x"] * 4, []
    for index in range(size):
        nodes.append(helper.make_node(UNARY[index % 4], [last[index % 4]], [f"t{index}"]))
        last[index % 4] = f"t{index}"
    return model([*nodes, helper.make_node("Sum", [f"t{index}" for index in range(size)], ["y"])])


def summed(size: int) -> ModelProto:
    return model([helper.make_node("Sum", ["x"] * size, ["y"])])


def joined(size: int) -> ModelProto:
    return model([helper.make_node("Concat", ["x"] * size, ["y"], axis=0)])


def equal(size: int) -> ModelProto:
    """Nodes that all compute the same, joined."""
    names = [f"t{index}" for index in range(size)]
    nodes = [helper.make_node("Relu", ["x"], [name], name=f"the {name}") for name in names]
    return model([*nodes, helper.make_node("Concat", names, ["y"], axis=0)])


def siblings(size: int) -> ModelProto:
    """Products of one input, summed."""
    names = [f"t{index}" for index in range(size)]
    nodes = [helper.make_node("MatMul", ["x", f"w_{name}"], [name]) for name in names]
    weights = {f"w_{name}": np.full((16, 16), index, np.float32) for index, name in enumerate(names)}
    return model([*nodes, helper.make_node("Sum", names, ["y"])], **weights)


def cut(size: int) -> ModelProto:
    """Rows of one input, each computed with alone, joined again."""
    parts, made = ([f"{kind}{index}" for index in range(size)] for kind in "pm")
    nodes = [helper.make_node("Split", ["x"], parts, axis=0, num_outputs=size)]
    nodes += [helper.make_node("Sigmoid", [a], [b]) for a, b in zip(parts, made, strict=True)]
    return model([*nodes, helper.make_node("Concat", made, ["y"], axis=0)], size)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "sizes"),
    [
        (wide, (500, 2_000)),
        (summed, (1_000, 4_000)),
        (joined, (1_000, 4_000)),
        (equal, (1_000, 4_000)),
        (siblings, (250, 1_000)),
        (cut, (150, 600)),
    ],
)
def test_four_times_the_model_takes_about_four_times_as_long(
    make: Callable[[int], ModelProto], sizes: tuple[int, int]
) -> None:
    assert_growth(make, lambda made: build(made, Settings(cache=None)), sizes, most=8)
