"""What is said of models that cannot be imported: the node is named in the text, and is data as well."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from glassrt import GlassError
from glassrt.compiler.frontend import import_model
from onnx import TensorProto, helper

from .support import shown


def model(*nodes: onnx.NodeProto, shape: tuple[int | str, ...] = ("N", 4)) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_empty_tensor_value_info("y")
    constant = helper.make_tensor("c", TensorProto.FLOAT, [3], np.ones(3, np.float32))
    graph = helper.make_graph(list(nodes), "g", [x], [y], [constant])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


CASES: dict[str, Callable[[], onnx.ModelProto]] = {
    "an_input_computed_nowhere": lambda: model(helper.make_node("Relu", ["a"], ["y"], name="clip it")),
    "an_unknown_attribute": lambda: model(helper.make_node("Relu", ["x"], ["y"], name="clip it", axis=1)),
    "sizes_that_do_not_fit": lambda: model(helper.make_node("Add", ["x", "c"], ["y"], name="shift")),
    "inner_sizes_that_do_not_fit": lambda: model(
        helper.make_node("MatMul", ["x", "c"], ["y"], name="square")
    ),
    "an_axis_that_is_not_there": lambda: model(helper.make_node("Softmax", ["x"], ["y"], name="s", axis=7)),
    "a_node_without_a_name": lambda: model(helper.make_node("Softmax", ["x"], ["y"], axis=7)),
    "several_unsupported_ops": lambda: model(
        helper.make_node("RandomNormalLike", ["x"], ["a"], name="where"),
        helper.make_node("Widget", ["a"], ["y"], name="foreign", domain="com.example"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_of_a_model_names_its_node(case: str, golden: str) -> None:
    with pytest.raises(GlassError) as caught:
        import_model(CASES[case]())
    assert all(each.nodes for each in caught.value.cases or caught.value.diagnostics)
    assert shown(caught.value) == golden
