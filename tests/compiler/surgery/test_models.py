"""What nodes read, and parts of models."""

from __future__ import annotations

import onnx
from glassrt.compiler.surgery.models import borders, initial_names, part_of, reads
from onnx import helper

from ...places import DIGITS


def test_a_node_reads_what_its_bodies_capture() -> None:
    body = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"]), helper.make_node("Neg", ["c"], ["d"])],
        "body",
        [],
        [helper.make_empty_tensor_value_info("d")],
    )
    node = helper.make_node("If", ["flag"], ["y"], then_branch=body, else_branch=body)
    assert reads(node) == ["flag", "a", "b"]


def test_a_part_has_what_its_outputs_need_and_leaves_the_model() -> None:
    model = onnx.load(DIGITS)
    before = model.SerializeToString()
    output = helper.make_tensor_value_info("relu_5_out", onnx.TensorProto.FLOAT, ["N", 16, 8, 8])
    part = part_of(model, list(model.graph.node), [output], [])
    assert [node.output[0] for node in part.graph.node][-1] == "relu_5_out"
    assert len(part.graph.node) == 6 < len(model.graph.node)
    assert initial_names(part.graph) < initial_names(model.graph)
    assert part.opset_import == model.opset_import and part.ir_version == model.ir_version
    onnx.checker.check_model(part)
    assert model.SerializeToString() == before


def test_borders_are_what_crosses() -> None:
    graph = onnx.load(DIGITS).graph
    entering, leaving = borders(graph, {3, 4, 5})
    assert entering == ["relu_2_out"] and leaving == ["relu_5_out"]
