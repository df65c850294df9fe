"""Origins: the nodes of a model before any pass, at any level, and the names that find them."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.ledger import Origin
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.origins import NodeNames, origins_of
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.errors import InputError
from hypothesis import given
from onnx import TensorProto, helper

from ...property.graphs import nets
from ..driver.targeted import at
from ..report.explained import chain, residual_net


@given(nets(most=4))
def test_the_same_text_has_the_same_origins(module: Module) -> None:
    text = print_module(module)
    module.resources = type(module.resources)()
    assert origins_of(parse_module(text, ALL_DIALECTS)) == origins_of(module)


def test_nodes_of_switches_exist() -> None:
    names = NodeNames(origins_of(chain()), ["x"])
    assert names.resolve("relu2") == "relu2"
    assert names.resolve("y") == "mul4"
    with pytest.raises(InputError, match="no node and no tensor 'relu'"):
        names.resolve("relu")


def two_nodes() -> Module:
    """sum = a + b under a name of its own; the output is its negation."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("a", "b", "out")]
    nodes = [
        helper.make_node("Add", ["a", "b"], ["sum"], name="adds"),
        helper.make_node("Neg", ["sum"], ["out"], name="turns"),
    ]
    graph = helper.make_graph(nodes, "g", values[:2], values[2:])
    return import_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9))


def test_nodes_give_tensors_and_read_nodes() -> None:
    assert origins_of(two_nodes()) == [
        Origin("adds", ("graph.add",), (), ("sum",)),
        Origin("turns", ("graph.neg",), ("adds",), ("out",)),
    ]


def test_what_nodes_read_is_the_same_inside_of_kernels() -> None:
    graph, fused = (origins_of(at(level, residual_net(), "sm_90a")) for level in ("graph", "fused"))
    reads = [{origin.node: set(origin.reads) for origin in each} for each in (graph, fused)]
    assert reads[0] == reads[1] and reads[0]["add4"] == {"conv3", "relu2"}


BRANCH = """module @net {
  func @main(%c: tensor<bool>, %x: tensor<4xf32>) -> (tensor<4xf32>) {inputs = ["c", "x"], outputs = ["y"]} {
    %0 = graph.neg %x : tensor<4xf32> loc("before")
    %1 = control.if %c, %0 : tensor<4xf32> loc("choice") {
      ^(%a: tensor<4xf32>):
        %2 = graph.exp %a : tensor<4xf32> loc("inside")
        control.yield %2
      ^(%b: tensor<4xf32>):
        control.yield %b
    }
    core.return %1
  }
}
"""


def test_nodes_inside_of_branches_read_those_outside() -> None:
    found = {origin.node: origin for origin in origins_of(parse_module(BRANCH, ALL_DIALECTS))}
    assert list(found) == ["before", "choice", "inside"]
    assert found["inside"].reads == ("before",) and found["choice"].gives == ("y",)


def test_names_that_are_no_nodes_are_explained() -> None:
    names = NodeNames(origins_of(two_nodes()), ["a", "b"])
    assert names.resolve("sum") == names.resolve("adds") == "adds" and names.resolve("out") == "turns"
    assert "sum" in names and "turns" in names and "a" not in names and "add" not in names
    with pytest.raises(InputError, match="'a' is an input of the model"):
        names.resolve("a")
    with pytest.raises(InputError, match="is adds meant") as caught:
        names.resolve("add")
    assert "leave no op" in str(caught.value)
    with pytest.raises(InputError, match="the plan names no nodes"):
        NodeNames([], ["x"]).resolve("adds")
