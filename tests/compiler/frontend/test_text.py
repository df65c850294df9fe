"""Strings of a model are text."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend.text import check_text
from glassrt.errors import ModelError
from onnx import ModelProto, TensorProto, helper

BAD = b"bad\xff"


def model() -> ModelProto:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N"])
    node = helper.make_node("Relu", ["x"], ["y"], name="good")
    held = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    return helper.make_model(helper.make_graph([node], "g", [value], [value], [held]))


def damaged(good: str) -> ModelProto:
    """The model, with the string GOOD (as long as BAD) replaced by bytes that are not UTF-8."""
    raw = model().SerializeToString()
    assert len(good.encode()) == len(BAD) and good.encode() in raw
    return ModelProto.FromString(raw.replace(good.encode(), BAD))


def test_text_is_let_through() -> None:
    check_text(model())


def test_bytes_deep_inside_are_found() -> None:
    with pytest.raises(ModelError, match="a name in the model is not UTF-8 text"):
        check_text(damaged("good"))
