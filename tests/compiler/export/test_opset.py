"""Models are raised to an opset that has the words."""

from __future__ import annotations

import glassrt
import onnx
import pytest

from .exported import exporting
from .odd_networks import ODD


def test_a_model_that_cannot_be_raised_is_refused() -> None:
    model = ODD["old_file"]()
    model.opset_import[0].version = 8
    model.graph.node[0].ClearField("name")
    model.functions.append(onnx.FunctionProto(name="f", domain="d"))
    model.opset_import.append(onnx.helper.make_opsetid("d", 1))
    with pytest.raises(glassrt.UnsupportedError, match="need opset 13, and the model has 8"):
        exporting(model)
