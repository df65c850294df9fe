"""NodeParts of a model have their own inputs, with the values that they had."""

from __future__ import annotations

import numpy as np
import onnx
from glassrt.compiler.reduction.candidate import TrialModel, computed, every_tensor
from glassrt.compiler.reduction.nodes import NodeParts
from onnx import ModelProto, TensorProto, helper

from ...places import DIGITS

IMAGES = {"image": np.random.default_rng(3).standard_normal((2, 1, 8, 8)).astype(np.float32)}


def test_a_part_computes_what_it_did() -> None:
    whole = TrialModel(onnx.load(DIGITS), IMAGES)
    part = NodeParts(whole).of_nodes([6, 7, 8])
    assert part is not None and part.nodes == 3
    have, want = computed(part), every_tensor(whole)
    assert have
    for name in have:
        np.testing.assert_allclose(have[name], want[name], rtol=1e-5, atol=1e-5)
    (dim, *_) = part.model.graph.input[-1].type.tensor_type.shape.dim
    assert dim.dim_param == "N"
    assert NodeParts(whole).of_nodes([]) is None


def reshaping() -> ModelProto:
    """y = relu(reshape(x, concat(shape(x)[:1], [-1])))"""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"], end=1),
        helper.make_node("Concat", ["s", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["x", "to"], ["flat"]),
        helper.make_node("Relu", ["flat"], ["y"]),
    ]
    rest = onnx.numpy_helper.from_array(np.int64([-1]), "rest")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y], [rest])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_sizes_become_constants_and_not_inputs() -> None:
    part = NodeParts(TrialModel(reshaping(), {"x": np.ones((4, 2, 3), np.float32)})).of_nodes([2])
    assert part is not None and set(part.feeds) == {"x"}
    assert [tensor.name for tensor in part.model.graph.initializer] == ["to"]


def test_an_output_alone_takes_what_it_needs() -> None:
    model = reshaping()
    model.graph.output.append(helper.make_tensor_value_info("s", TensorProto.INT64, [1]))
    part = NodeParts(TrialModel(model, {"x": np.ones((4, 2, 3), np.float32)})).of_outputs(["s"])
    assert part is not None and [node.op_type for node in part.model.graph.node] == ["Shape"]
