"""How many inputs, outputs and which attributes one of ONNX Runtime's own ops may have."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.compiler.frontend.call import Call, Outcome
from glassrt.compiler.frontend.contributed.form import NO_LIMIT, Contributed, op
from glassrt.compiler.frontend.problems import Malformed
from onnx import helper


def importer(call: Call) -> Outcome:
    raise AssertionError


@pytest.mark.parametrize(
    ("form", "inputs", "outputs", "attributes", "words"),
    [
        (op(importer, 2, 2), 1, 1, {}, "it has 1 inputs, 2 are expected"),
        (op(importer, 2, 3), 4, 1, {}, "it has 4 inputs, 2 to 3 are expected"),
        (op(importer, 2, NO_LIMIT), 1, 1, {}, "it has 1 inputs, 2 or more are expected"),
        (op(importer, 1, 1), 1, 2, {}, "it has 2 outputs, 1 is expected"),
        (op(importer, 1, 1, (), 2), 1, 3, {}, "it has 3 outputs, 1 to 2 are expected"),
        (op(importer, 1, 1, ("a",)), 1, 1, {"b": 1}, "the op has no attribute 'b'"),
    ],
)
def test_wrong_forms(
    form: Contributed, inputs: int, outputs: int, attributes: dict[str, Any], words: str
) -> None:
    node = helper.make_node("Op", ["x"] * inputs, [f"y{i}" for i in range(outputs)], **attributes)
    with pytest.raises(Malformed, match=words):
        form.check_form(node, {each.name: each for each in node.attribute})


def test_a_right_form() -> None:
    node = helper.make_node("Op", ["x"], ["y", "z"], a=1)
    op(importer, 1, 2, ("a",), 2).check_form(node, {"a": node.attribute[0]})
