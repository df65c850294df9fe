"""Models whose shapes have symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.verifier import verify
from onnx import ModelProto

from ...models import run_onnxruntime
from .graphs import node
from .nodes import LEVEL


def types(module: Module) -> list[str]:
    return [str(value.type) for value in module.main.returned]


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def agrees(
    made: ModelProto, *shapes: Sequence[int], ranges: dict[str, tuple[int, int, int]] | None = None
) -> Module:
    """Import MADE once; on an x of each of SHAPES it gives what ONNX Runtime gives."""
    module = import_model(made, shapes=ranges)
    verify(module, LEVEL)
    for shape in shapes:
        inputs = {"x": np.random.default_rng(1).standard_normal(shape, dtype=np.float32)}
        expected = run_onnxruntime(made, inputs)
        for name, array in interpret(module, inputs).items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=1e-5)
    return module


def names(module: Module) -> set[str]:
    return {op.name for op in module.walk()}


SIZE_OF_BATCH = [node("Shape", "x", "s"), node("Gather", "s zero", "n", axis=0)]


CONSTANTS = {
    "zero": np.array(0),
    "axis0": ints(0),
    "minus": ints(-1),
    "one": ints(1),
    "two": ints(2),
    "three": ints(3),
    "twelve": ints(12),
    "halves": np.array([0.5], np.float32),
}
