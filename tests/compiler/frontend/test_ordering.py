"""Nodes may stand in any order; a cycle is an error that names it."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.ordering import in_order, last_reads
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from ...models import run_onnxruntime
from .graphs import model, node

CHAIN = [node("Relu", "x", "a"), node("Neg", "a", "b"), node("Add", "a b", "c"), node("Exp", "c")]


@given(st.permutations(CHAIN))
def test_every_order_gives_the_same(nodes: list[object]) -> None:
    made = model(nodes)  # type: ignore[arg-type]
    x = np.linspace(-1, 2, 6, dtype=np.float32).reshape(2, 3)
    expected = run_onnxruntime(made, {"x": x})["y"]
    np.testing.assert_allclose(interpret(import_model(made), {"x": x})["y"], expected, rtol=1e-6)
    assert list(in_order(model(nodes).graph.node)) == CHAIN  # type: ignore[arg-type]


def test_where_names_are_read_last() -> None:
    nodes = [
        node("Relu", "x", "a"),
        node("Split", "a", "b unread"),
        node("Add", "a b", "c"),
        node("Neg", "x", "d"),
    ]
    assert last_reads(nodes, ["d"]) == [[], ["unread"], ["a", "b", "c"], ["x"]]


def test_sorted_nodes_stay_as_they_are() -> None:
    nodes = [node("Relu", "x", "b"), node("Relu", "x", "a"), node("Add", "a b", "y")]
    assert in_order(nodes) is nodes


def test_what_graphs_inside_a_node_read_counts() -> None:
    value = helper.make_tensor_value_info("t", TensorProto.FLOAT, [2])
    branch = helper.make_graph([node("Neg", "a", "t")], "branch", [], [value])
    choice = node("If", "c", "y", then_branch=branch, else_branch=branch)
    assert in_order([choice, node("Relu", "x", "a")])[-1] is choice


def test_a_cycle_is_named_whatever_stands_around_it() -> None:
    nodes = [node("Exp", "c", "y"), node("Add", "x c", "b"), node("Neg", "b", "c")]
    with pytest.raises(ModelError, match=r"the later node 'c'; the graph is cyclic"):
        import_model(model(nodes))
