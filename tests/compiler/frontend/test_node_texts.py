"""How nodes are named in messages, and what is said of inputs that nothing computes."""

from __future__ import annotations

from glassrt.compiler.frontend.frame import Frame
from glassrt.compiler.frontend.node_texts import (
    conflict_error,
    full_label,
    missing_input,
    node_label,
    node_place,
    unknown_op,
)
from glassrt.dialects.core.sizes.outcomes import Conflict
from glassrt.errors import InputError, ModelError
from onnx import helper


def test_a_node_is_named_by_itself_or_by_its_first_output() -> None:
    named = helper.make_node("Relu", ["x"], ["y"], name="act")
    unnamed = helper.make_node("Relu", ["x"], ["y"])
    assert (node_label(named), node_label(unnamed)) == ("act", "y")
    assert full_label(named, Frame({}, prefix="call/")) == "call/act"
    assert node_place(helper.make_node("R\n", [], []), "act") == "R\\n node 'act'"


def test_an_input_that_is_not_computed_yet() -> None:
    first, last = helper.make_node("Relu", ["y"], ["z"]), helper.make_node("Abs", ["z"], ["y"], name="late")
    assert "by the later node 'late'" in missing_input("y", first, [first, last])
    assert "by itself" in missing_input("z", first, [first, last])
    assert missing_input("w", first, [first, last]) == "no node computes its input 'w'"


def test_conflicts_are_errors_of_ranges_or_of_the_model() -> None:
    node = helper.make_node("Relu", ["x"], ["y"], name="act")
    assert isinstance(conflict_error(node, "act", Conflict("no", ranges=True)), InputError)
    found = conflict_error(node, "act", Conflict("no"))
    assert isinstance(found, ModelError) and str(found).startswith("Relu node 'act': no")


def test_an_op_that_nobody_knows() -> None:
    assert "com.microsoft" in unknown_op("com.microsoft", helper.make_node("Odd", [], []))
    assert "--ops" in unknown_op("mine", helper.make_node("Odd", [], [], domain="mine"))
