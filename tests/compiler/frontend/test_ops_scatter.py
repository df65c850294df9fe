"""Scatters and unpooling: nodes against ONNX Runtime, with indices as data and as constants."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError

from .nodes import Array, Case, case, check, expanded, ints, label, real

F32 = np.float32
AT = np.array([[1, 2, 0], [0, 2, -1]])

NODES = [
    case("Scatter", 9, real(3, 3), AT, real(2, 3)),
    *[
        case("ScatterElements", opset, real(3, 3), AT, real(2, 3), axis=1, constant=constant)
        for opset in (11, 13, 18)
        for constant in ((), (1,), (0, 1))
    ],
    *[
        case("ScatterElements", 18, real(3, 3), AT, real(2, 3), reduction=kind)
        for kind in ("add", "mul", "max", "min")
    ],
    case("ScatterND", (11, 13), real(4, 2), ints(3, 0).reshape(2, 1), real(2, 2)),
    *[
        case("ScatterND", 18, real(4, 2), ints(3, 0, 3).reshape(3, 1), real(3, 2), reduction=kind)
        for kind in ("add", "mul", "max", "min")
    ],
    case(
        "MaxUnpool",
        (9, 11),
        real(1, 1, 2, 2),
        np.array([[[[5, 7], [13, 15]]]]),
        kernel_shape=[2, 2],
        strides=[2, 2],
    ),
]


@pytest.mark.parametrize(("given", "opset"), expanded(NODES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


def ours(given: Case, opset: int) -> Array:
    module = import_model(given.model(opset).SerializeToString())
    [found] = interpret(module, given.inputs).values()
    return found


def test_a_larger_shape_adds_zeros() -> None:
    x, at = real(1, 1, 2, 2), np.array([[[[5, 7], [13, 15]]]])
    shape = ints(1, 1, 5, 6)
    found = ours(case("MaxUnpool", 11, x, at, shape, kernel_shape=[2, 2], strides=[2, 2], constant=(2,)), 11)
    wanted = np.zeros((1, 1, 5, 6), F32)
    wanted[0, 0, 1::2, 1:4:2][:2] = x[0, 0]
    np.testing.assert_array_equal(found, wanted)


def test_constant_indices_outside_are_an_error() -> None:
    with pytest.raises(ModelError, match="is inside axis 0"):
        ours(case("ScatterND", 18, real(4, 2), ints(4).reshape(1, 1), real(1, 2), constant=(1,)), 18)
