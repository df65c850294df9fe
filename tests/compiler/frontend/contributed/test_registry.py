"""The table of ONNX Runtime's own ops, and the models that it writes."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.contributed import registry
from glassrt.errors import UnsupportedError
from onnx import helper

from ..graphs import model, node


def test_no_op_is_in_two_tables() -> None:
    families = (each for each in vars(registry).values() if hasattr(each, "TABLE"))
    assert sum(len(family.TABLE) for family in families) == len(registry.CONTRIBUTED)


def test_what_is_made_for_one_cpu_is_refused_with_a_hint() -> None:
    made = model([node("ReorderInput", "x", domain="com.microsoft.nchwc")])
    made.opset_import.append(helper.make_opsetid("com.microsoft.nchwc", 1))
    with pytest.raises(UnsupportedError, match="save the model at a lower optimization level"):
        import_model(made)
