"""Nodes of ONNX Runtime's own ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto, helper

from ...models import run_onnxruntime
from .nodes import Array, Case, case

MICROSOFT = "com.microsoft"


def microsoft(op: str, *arrays: Array | None, **options: Any) -> Case:
    """A node of the domain com.microsoft on ARRAYS, in a model of opset 18."""
    return case(op, 18, *arrays, domain=MICROSOFT, **options)


def sized(given: Case, **sizes: Sequence[int | str]) -> ModelProto:
    """The model of GIVEN, with the SIZES of inputs by name, symbols among them."""
    made = given.model(18)
    for value in made.graph.input:
        if value.name in sizes:
            code = value.type.tensor_type.elem_type
            value.CopyFrom(helper.make_tensor_value_info(value.name, code, sizes[value.name]))
    return made


def agree(made: ModelProto, inputs: dict[str, Array]) -> None:
    """The interpreter gives for MADE what ONNX Runtime gives."""
    have = interpret(import_model(made.SerializeToString()), inputs)
    for name, want in run_onnxruntime(made, inputs).items():
        assert have[name].dtype == want.dtype
        np.testing.assert_allclose(have[name], want, rtol=2e-5, atol=2e-5)
