"""The ledger of decisions: what goes in comes out, and always the same way."""

from __future__ import annotations

import json

import pytest
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.ledger import Ledger, Record, Verdict
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

FIGURES = st.dictionaries(
    st.text(max_size=8),
    st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.booleans(),
    max_size=4,
)
NAMES = st.lists(st.text(max_size=8), max_size=3).map(tuple)
RECORDS = st.builds(
    Record, st.text(max_size=8), NAMES, NAMES, st.sampled_from(Verdict), st.text(max_size=20), FIGURES
)


@given(st.lists(RECORDS, max_size=5))
def test_json_and_back_gives_the_same_ledger(records: list[Record]) -> None:
    ledger = Ledger(records)
    again = Ledger.from_json(json.loads(ledger.dumps()))
    assert list(again) == records
    assert again.dumps() == ledger.dumps()


def test_figures_are_in_order_of_key_however_given() -> None:
    one, two = Ledger(), Ledger()
    one.add("fuse", Verdict.TAKEN, "it saves a pass", ops=["%1", "%2"], bytes_saved=4, flops=2)
    two.add("fuse", Verdict.TAKEN, "it saves a pass", ops=["%1", "%2"], flops=2, bytes_saved=4)
    assert one.dumps() == two.dumps()
    assert list(one.to_json()[0]["figures"]) == ["bytes_saved", "flops"]


def test_records_are_found_by_what_they_are_about() -> None:
    ledger = Ledger()
    ledger.add("fuse", Verdict.TAKEN, "yes", ops=["conv", "relu"], nodes=["node_a", "node_b"])
    ledger.add("fuse", Verdict.REFUSED, "two users", ops=["conv", "add"], nodes=["node_a", "node_c"])
    assert [record.reason for record in ledger.about("conv")] == ["yes", "two users"]
    assert [record.reason for record in ledger.about("node_a", "add")] == ["two users"]
    assert ledger.about("nothing") == []
    assert len(ledger) == 2


def test_a_figure_is_finite() -> None:
    with pytest.raises(ValueError, match="speedup"):
        Ledger().add("fuse", Verdict.TAKEN, "fast", speedup=float("inf"))


@pytest.mark.parametrize(
    "data", [{}, {"rule": "x"}, {"rule": "x", "ops": [], "nodes": [], "verdict": "maybe"}]
)
def test_damaged_json_is_refused(data: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Ledger.from_json([data])


def test_what_the_importer_decided_comes_first() -> None:
    """A softmax in another type has no form of its own: the node is what the standard defines it by."""
    sizes = {"q": (1, 2, 3, 8), "k": (1, 2, 4, 8), "v": (1, 2, 4, 8)}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in sizes.items()]
    precise = {"softmax_precision": TensorProto.DOUBLE}
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"], name="attend", **precise)
    output = helper.make_empty_tensor_value_info("y")
    graph = helper.make_graph([node], "g", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    settings = Settings()
    context = context_of(settings)
    launch_level(import_model(model), settings, context)
    first = next(iter(context.ledger))
    assert (first.rule, first.nodes, first.verdict) == ("standard-body", ("attend",), Verdict.TAKEN)
    assert "softmax computed in f64" in first.reason
