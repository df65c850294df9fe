"""Nodes of custom ops: what they may have, and what is said of those that no file has registered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from glassrt import custom
from glassrt.compiler.frontend.importer import import_model
from glassrt.errors import GlassError, ModelError, UnsupportedError
from onnx import ModelProto, helper

from ...custom_ops import Bend, model, node

STATED: dict[str, Any] = {
    "whole": 3,
    "real": 0.5,
    "yes": 1,
    "word": "hello",
    "side": "right",
    "sizes": [1, 2],
    "reals": [0.25],
}


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    with custom.registered():

        @custom.op("glass.nodes::Rich")
        class Rich(custom.ElementwiseOp):
            """An op with an attribute of every kind."""

            x = custom.operand()
            more = custom.optional_operand()
            y = custom.result()
            whole = custom.integer()
            real = custom.number(0.0)
            yes = custom.flag(False)
            word = custom.text("")
            side = custom.choice("left", "right", default="left")
            sizes = custom.integers(())
            reals = custom.numbers(())

            def compute(self, x: Any, more: Any) -> Any:
                return x

            def formula(self, x: custom.Term, more: custom.Term | None) -> custom.Term:
                return x

        yield


def rich(inputs: list[str] | None = None, **attributes: Any) -> ModelProto:
    made = node("Rich", inputs or ["x"], "y", domain="glass.nodes", **attributes)
    return model([made], domain="glass.nodes")


def failure(made: ModelProto, kind: type[GlassError] = ModelError) -> str:
    with pytest.raises(kind) as caught:
        import_model(made)
    return str(caught.value)


def test_attributes_of_every_kind_are_read() -> None:
    op = import_model(rich(**STATED)).main.block.first
    assert op is not None
    assert op.name == "glass_nodes.rich"
    wanted = STATED | {"yes": True, "sizes": (1, 2), "reals": (0.25,)}
    assert {name: op.attributes[name] for name in STATED} == wanted
    assert op.location.nodes == ("y",)
    op = import_model(rich(whole=1)).main.block.first
    assert op is not None
    assert (op.attributes["side"], op.attributes["sizes"], op.attributes["real"]) == ("left", (), 0.0)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({}, "the attribute 'whole' is missing"),
        ({"whole": 0.5}, "the attribute 'whole' must be an integer"),
        ({"whole": 1, "side": "up"}, "the attribute 'side' is 'up', which is none of left, right"),
        ({"whole": 1, "reals": 1}, "the attribute 'reals' must be a list of numbers"),
        ({"whole": 1, "other": 1}, "the op has no attribute 'other'"),
    ],
    ids=str,
)
def test_other_attributes_are_refused(attributes: dict[str, Any], said: str) -> None:
    assert f"Rich node 'y': {said}" in failure(rich(**attributes))


def test_a_flag_is_0_or_1() -> None:
    assert "the attribute 'yes' is 2" in failure(rich(whole=1, yes=2), UnsupportedError)


def test_inputs_and_outputs_are_counted() -> None:
    assert "it has 3 inputs, 1 to 2 are expected" in failure(rich(["x", "x", "x"], whole=1))
    assert "the operand 'x' is missing" in failure(rich(["", "x"], whole=1))
    made = rich(whole=1)
    made.graph.node[0].output.append("z")
    assert "it has 2 outputs, 1 is expected" in failure(made)


def test_an_op_of_no_file_says_how_to_load_one() -> None:
    made = model([node("Unheard", ["x"], "y", domain="glass.others")], domain="glass.others")
    text = failure(made, UnsupportedError)
    assert "Unheard node 'y': no file has registered the op 'glass.others::Unheard'" in text
    assert "--ops FILE.py" in text


def test_the_domain_is_imported() -> None:
    made = rich(whole=1)
    del made.opset_import[1]
    assert "no opset of glass.nodes is imported" in failure(made)


def test_a_function_of_the_model_goes_first() -> None:
    """A model that brings a body along means that."""
    made = model([node("Bend", ["x"], "y")])
    body = [helper.make_node("Neg", ["a"], ["b"])]
    made.functions.append(
        helper.make_function("glass.tests", "Bend", ["a"], ["b"], body, [helper.make_opsetid("", 18)])
    )
    assert Bend not in {type(op) for op in import_model(made).main.block}
