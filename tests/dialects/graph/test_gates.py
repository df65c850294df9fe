"""Activation functions of gates, beside the elementwise ops of the same names."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph import activations, trigonometric, unary
from glassrt.dialects.graph.gates import FUNCTIONS, GateFunction

X = np.linspace(-3, 3, 25).astype(np.float32)
SAME: dict[str, tuple[type[Operation], dict[str, float]]] = {
    "elu": (activations.Elu, {"alpha": 0.7}),
    "hardsigmoid": (activations.HardSigmoid, {"alpha": 0.3, "beta": 0.4}),
    "leakyrelu": (activations.LeakyRelu, {"alpha": 0.2}),
    "relu": (activations.Relu, {}),
    "sigmoid": (unary.Sigmoid, {}),
    "softplus": (activations.Softplus, {}),
    "softsign": (activations.Softsign, {}),
    "tanh": (trigonometric.Tanh, {}),
    "thresholdedrelu": (activations.ThresholdedRelu, {"alpha": 0.5}),
}


@pytest.mark.parametrize("name", SAME)
def test_functions_are_those_of_ops(name: str) -> None:
    kind, numbers = SAME[name]
    op = kind(Block([TensorType(X.shape, F32)]).arguments[0], **numbers)
    have = GateFunction(name, **numbers).of(X)
    assert have.dtype == np.float32
    np.testing.assert_allclose(have, op.compute(X), rtol=1e-6, atol=1e-7)  # type: ignore[attr-defined]


def test_functions_that_are_no_ops() -> None:
    np.testing.assert_allclose(GateFunction("affine", 2.0, -1.0).of(X), 2 * X - 1)
    np.testing.assert_allclose(GateFunction("scaledtanh", 1.7, 0.6).of(X), 1.7 * np.tanh(0.6 * X), rtol=1e-6)
    assert set(FUNCTIONS) == {*SAME, "affine", "scaledtanh"}
