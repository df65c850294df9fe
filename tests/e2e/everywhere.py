"""Models as text, run by the interpreter and on the host, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from onnx import ModelProto, parser

from ..models import Array, run_onnxruntime


def model(text: str, opset: int = 21) -> ModelProto:
    parsed: ModelProto = parser.parse_model(f'<ir_version: 10, opset_import: ["" : {opset}]> {text}')
    return parsed


def agrees(text: str, *feeds: dict[str, Array], tolerance: float = 1e-5, **options: Any) -> Module:
    """Hold the model in TEXT against ONNX Runtime on each of FEEDS, with OPTIONS; returns its module."""
    made = model(text)
    asked = {name: options[name] for name in ("inputs", "shapes") if name in options}
    module = import_model(made, **asked)
    with glassrt.load(glassrt.compile(made, target="host", **options), "host") as engine:
        for feed in feeds:
            expected = run_onnxruntime(made, feed)
            for found in (interpret(module, feed), engine.run(feed)):
                check(found, expected, tolerance)
    return module


def check(found: Any, expected: dict[str, Array], tolerance: float) -> None:
    """Raise AssertionError unless FOUND has the arrays EXPECTED, up to TOLERANCE."""
    assert set(found) == set(expected)
    for name, want in expected.items():
        have = np.asarray(found[name])
        assert (have.shape, have.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(have, want, rtol=tolerance, atol=tolerance, err_msg=name)
