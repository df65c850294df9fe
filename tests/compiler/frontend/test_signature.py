"""Inputs of a plan: their types, and which of the model's inputs they are."""

from __future__ import annotations

from glassrt.compiler.frontend import import_model

from .graphs import model, node
from .shaped_models import types


def test_an_override_replaces_what_the_file_says() -> None:
    declared = model([node("Relu", "x")], {"x": (2, 3)})
    declared.graph.output[0].CopyFrom(declared.graph.input[0])
    declared.graph.output[0].name = "y"
    assert types(import_model(declared, inputs={"x": ["N", 3]})) == ["tensor<Nx3xf32>"]
    assert types(import_model(declared, inputs={"x": [7, 5]})) == ["tensor<7x5xf32>"]
