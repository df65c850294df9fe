"""Sampling under a 16-bit policy: positions stay exact, so that samples come from where they should."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from onnx import TensorProto, helper

WIDTH = 2000


def engine_of(
    nodes: list[helper.NodeProto], inputs: dict[str, list[int]], output: list[int], precision: str
) -> glassrt.Engine:
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, output)
    graph = helper.make_graph(nodes, "positions", infos, [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    plan = glassrt.compile(model.SerializeToString(), target="host", precision=precision)
    return glassrt.load(plan, "host")


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_wide_image_is_sampled_where_the_grid_says(precision: str) -> None:
    ramp = np.broadcast_to(np.arange(WIDTH) % 256, (1, 1, 1, WIDTH)).astype(np.float32)  # exact in 16 bits
    grid = np.zeros((1, 1, 50, 2), np.float32)
    grid[..., 0] = np.linspace(-0.9, 0.9, 50)
    nodes = [
        helper.make_node("Mul", ["grid", "one"], ["at"]),
        helper.make_node("GridSample", ["x", "at"], ["y"], mode="nearest"),
    ]
    inputs = {"x": [1, 1, 1, WIDTH], "grid": [1, 1, 50, 2], "one": [1]}
    with engine_of(nodes, inputs, [1, 1, 1, 50], precision) as engine:
        found = engine.run({"x": ramp, "grid": grid, "one": np.ones(1, np.float32)})["y"]
    places = np.rint(((grid[..., 0] + 1) * WIDTH - 1) / 2).astype(int)
    np.testing.assert_array_equal(found.reshape(-1), ramp[0, 0, 0, places.reshape(-1)])


def test_an_affine_grid_stays_exact() -> None:
    ramp = np.broadcast_to(np.arange(WIDTH) % 256, (1, 1, 1, WIDTH)).astype(np.float32)
    theta = np.array([[[1, 0, 0], [0, 1, 0]]], np.float32)
    nodes = [
        helper.make_node("Constant", [], ["size"], value_ints=[1, 1, 1, WIDTH]),
        helper.make_node("AffineGrid", ["theta", "size"], ["grid"]),
        helper.make_node("GridSample", ["x", "grid"], ["y"], mode="nearest"),
    ]
    with engine_of(nodes, {"x": [1, 1, 1, WIDTH], "theta": [1, 2, 3]}, [1, 1, 1, WIDTH], "fp16") as engine:
        found = engine.run({"x": ramp, "theta": theta})["y"]
    np.testing.assert_array_equal(found, ramp)
