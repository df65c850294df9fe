"""Models as text: imported, interpreted and held against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.verifier import verify
from onnx import ModelProto, parser

from ...models import Array, run_onnxruntime


def model(text: str) -> ModelProto:
    parsed: ModelProto = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')
    return parsed


def imported(text: str, **options: Any) -> Module:
    module = import_model(model(text), **options)
    verify(module, ALL_DIALECTS)
    return module


def check(text: str, *feeds: dict[str, Array]) -> Module:
    """Hold the model in TEXT against ONNX Runtime on each of FEEDS; returns its module."""
    module = imported(text)
    for feed in feeds:
        have, want = interpret(module, feed), run_onnxruntime(model(text), feed)
        for name, array in want.items():
            assert have[name].shape == array.shape and have[name].dtype == array.dtype
            np.testing.assert_allclose(have[name], array, rtol=1e-6, atol=1e-6)
    return module


def count(module: Module, kind: type) -> int:
    return sum(isinstance(op, kind) for op in module.walk())


X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2

# A branch on data, whose regions read values and weights from around them.
BRANCHES = """agraph (bool c, float[2,3] x) => (float[2,3] y) <float[3] w = {1, 2, 3}> {
  double = Add(x, x)
  y = If(c) <
    then_branch = one () => (float[2,3] a) { b = Add(double, w) a = Relu(b) },
    else_branch = two () => (float[2,3] d) <float[3] v = {4, 5, 6}> { d = Mul(double, v) }
  >
}"""
