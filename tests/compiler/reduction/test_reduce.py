"""A model that shows a fault is cut down to the node at fault."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.reduction.reduce import reduced
from glassrt.testing.draft import Unfit
from glassrt.testing.oracles import Feeds, onnx_runtime
from glassrt.testing.random_graphs import Graph, seeded
from onnx import ModelProto


def large() -> Graph:
    for seed in range(100):
        try:
            graph = seeded(seed, must=["conv_block", "layer_norm", "softmax", "binary"], most=8, symbols=True)
        except Unfit:
            continue
        if "LayerNormalization" in graph.ops and len(graph.ops) > 8:
            return graph
    raise AssertionError("no such graph")


def test_what_is_left_is_the_node_at_fault() -> None:
    graph = large()
    before = graph.model.SerializeToString()

    def faulty(model: ModelProto, feeds: Feeds) -> bool:
        assert onnx_runtime(model, feeds) is not None
        return any(node.op_type == "LayerNormalization" for node in model.graph.node)

    found = reduced(graph.model, graph.feeds, faulty)
    assert [node.op_type for node in found.model.graph.node] == ["LayerNormalization"]
    assert found.steps > 0
    assert set(found.feeds) == {value.name for value in found.model.graph.input}
    assert graph.model.SerializeToString() == before


def test_a_fault_that_any_step_loses_is_left_as_it_is() -> None:
    graph = seeded(3)
    found = reduced(graph.model, graph.feeds, lambda model, feeds: False)
    assert found.model == graph.model and found.steps == 0
    np.testing.assert_equal(dict(found.feeds), dict(graph.feeds))
