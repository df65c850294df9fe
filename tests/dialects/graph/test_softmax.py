"""Softmax and log-softmax: definitions against numpy, numpy against ONNX Runtime, and their edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.traits import Trait
from glassrt.dialects.graph.softmax import LogSoftmax, Softmax
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import FLOATS, dtypes, shapes, tensors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...property.onnx_runs import run_onnx

X = np.random.default_rng(5).normal(size=(2, 5, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("op", [Softmax, LogSoftmax])
@settings(max_examples=25)
@given(data=st.data())
def test_softmax_definitions_are_numpy(op: Any, data: DataObject) -> None:
    shape = data.draw(shapes(least=1, side=3))
    x = data.draw(tensors(data.draw(dtypes(*FLOATS)), shape))
    axis = data.draw(st.integers(0, len(shape) - 1))
    check_op(op, [x], symbolic=data.draw(st.booleans()), axis=axis)


def test_softmax_of_large_and_infinite_values() -> None:
    x = np.array([[1e4, 1e4, -math.inf], [-math.inf, 0, 0]], np.float32)
    actual = evaluated(build(Softmax, [x], axis=1), [x])
    np.testing.assert_allclose(actual, [[0.5, 0.5, 0], [0, 0.5, 0.5]])
    logarithm = evaluated(build(LogSoftmax, [x], axis=1), [x])
    np.testing.assert_allclose(np.exp(logarithm), actual, rtol=1e-6)


def test_traits() -> None:
    assert all(op.spec.traits == {Trait.ROW} for op in (Softmax, LogSoftmax))


def test_what_does_not_fit() -> None:
    with pytest.raises(IRError, match="front"):
        build(Softmax, [X], axis=-1)
    with pytest.raises(IRError, match="float"):
        build(Softmax, [X.astype(np.int32)], axis=1)


@pytest.mark.parametrize(
    ("name", "op", "axis"), [("Softmax", Softmax, 1), ("Softmax", Softmax, 3), ("LogSoftmax", LogSoftmax, 2)]
)
def test_as_onnxruntime(name: str, op: Any, axis: int) -> None:
    expected = run_onnx(name, [X], axis=axis)
    actual = evaluated(build(op, [X], axis=axis), [X])
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-6)
