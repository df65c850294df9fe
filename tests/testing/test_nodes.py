"""Nodes run alone, with the opsets that they need."""

from __future__ import annotations

import numpy as np
from glassrt.testing.nodes import opsets, run_node
from onnx import helper


def test_a_node_runs_on_what_its_bodies_capture() -> None:
    body = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"]), helper.make_node("Neg", ["c"], ["d"])],
        "body",
        [],
        [helper.make_empty_tensor_value_info("d")],
    )
    node = helper.make_node("If", ["flag"], ["y"], then_branch=body, else_branch=body)
    values = {"flag": np.array(True), "a": np.float32([1]), "b": np.float32([2])}
    (found,) = run_node(node, values, 21, 10)
    np.testing.assert_array_equal(found, np.float32([-3]))


def test_other_domains_are_imported() -> None:
    nodes = [helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")]
    assert [(each.domain, each.version) for each in opsets(nodes, 21)] == [("", 21), ("com.microsoft", 1)]
