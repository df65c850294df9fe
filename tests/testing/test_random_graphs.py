"""Random graphs: valid ONNX, the same for a seed, with dead and shared branches, and they shrink."""

from __future__ import annotations

from collections import Counter

import onnx
import pytest
from glassrt.compiler.surgery.models import reads
from glassrt.testing.draft import Unfit
from glassrt.testing.oracles import onnx_runtime
from glassrt.testing.random_graphs import Graph, graphs, seeded
from hypothesis import find, given, settings


@pytest.fixture(scope="module")
def some() -> list[Graph]:
    return [seeded(number, most=10) for number in range(60)]


def test_a_graph_is_valid_and_runs(some: list[Graph]) -> None:
    for graph in some:
        onnx.checker.check_model(graph.model)
        assert onnx_runtime(graph.model, graph.feeds) is not None, graph


def test_a_seed_gives_the_same_graph() -> None:
    assert seeded("a").model == seeded("a").model != seeded("b").model


def test_graphs_have_what_networks_have(some: list[Graph]) -> None:
    kinds: Counter[str] = Counter()
    for graph in some:
        uses = Counter(name for node in graph.model.graph.node for name in reads(node))
        made = {name for node in graph.model.graph.node for name in node.output}
        outputs = {value.name for value in graph.model.graph.output}
        kinds["shared"] += any(uses[name] > 1 for name in made)
        kinds["dead"] += bool(made - outputs - set(uses))
        kinds["several outputs"] += len(outputs) > 1
        kinds["symbols"] += bool(graph.shapes)
        kinds["control flow"] += bool({"If", "Loop", "Scan"} & set(graph.ops))
        kinds["rough"] += not graph.smooth
    assert all(kinds[kind] >= 3 for kind in kinds) and len(kinds) == 6, kinds


def test_a_graph_runs_at_other_sizes() -> None:
    graph = seeded(1, must=["function"], makers=["function"], symbols=True, most=1)
    feeds = graph.feeds_at({name: graph.sizes[name] + 1 for name in graph.shapes})
    assert [a.shape for a in feeds.values()] != [a.shape for a in graph.feeds.values()]
    assert onnx_runtime(graph.model, feeds) is not None


@settings(max_examples=10)
@given(graphs(must=["linear"], symbols=True))
def test_drawn_graphs_have_the_wanted_step(graph: Graph) -> None:
    assert graph.ops[0] == "MatMul"
    assert all(low <= middle <= high for low, middle, high in graph.shapes.values())


def test_hypothesis_shrinks_graphs() -> None:
    small = find(graphs(most=6, makers=["function", "binary", "transpose"]), lambda g: "Transpose" in g.ops)
    assert small.ops == ["Transpose"]
    assert "Transpose" in repr(small)


def test_special_numbers_go_only_where_implementations_agree() -> None:
    for maker in ("local_norm", "recurrence", "pool"):
        with pytest.raises(Unfit, match=f"nothing fits {maker}"):
            seeded("special", must=[maker], special=True)
    clips = [seeded(f"clip/{seed}", must=["clip"], special=True) for seed in range(6)]
    nodes = [node for graph in clips for node in graph.model.graph.node if node.op_type == "Clip"]
    assert nodes and all(len(node.input) == 3 and node.input[1] for node in nodes)
