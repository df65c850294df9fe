"""Activations with parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.dialects.graph import activations
from glassrt.dialects.graph.base import GraphOp
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import FLOATS, dtypes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject


@given(data=st.data())
def test_tanh_gelu_definition_is_numpy(data: DataObject) -> None:
    x = data.draw(tensors(data.draw(dtypes(*FLOATS)), (4,)))
    check_op(activations.Gelu, [x], approximate="tanh")


@pytest.mark.parametrize(
    ("op", "at_minus_two", "at_three"),
    [
        (activations.Relu, 0, 3),
        (activations.LeakyRelu, -0.02, 3),
        (activations.Elu, math.expm1(-2), 3),
        (activations.Selu, 1.0507009873554805 * 1.6732632423543772 * math.expm1(-2), 3 * 1.0507009873554805),
        (activations.Celu, math.expm1(-2), 3),
        (activations.HardSigmoid, 0.1, 1),
        (activations.HardSwish, -2 * (-2 / 6 + 0.5), 3),
        (activations.Softplus, math.log1p(math.exp(-2)), math.log1p(math.exp(3))),
        (activations.Softsign, -2 / 3, 3 / 4),
        (activations.Mish, -2 * math.tanh(math.log1p(math.exp(-2))), 3 * math.tanh(math.log1p(math.exp(3)))),
        (activations.ThresholdedRelu, 0, 3),
        (activations.Shrink, -2, 3),
        (activations.Gelu, -2 * 0.5 * math.erfc(2 / math.sqrt(2)), 3 * 0.5 * math.erfc(-3 / math.sqrt(2))),
        (activations.Swish, -2 / (1 + math.exp(2)), 3 / (1 + math.exp(-3))),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_values_of_the_formulas_with_defaults(
    op: type[GraphOp], at_minus_two: float, at_three: float
) -> None:
    x = np.array([-2, 3], np.float64)
    expected = [at_minus_two, at_three]
    np.testing.assert_allclose(evaluated(build(op, [x]), [x]), expected, rtol=1e-7)
    check_op(op, [x])


def test_nan_stays_nan_and_tails_do_not_overflow() -> None:
    x = np.array([math.nan, -1e4, 1e4], np.float32)
    for op in activations.OPS:
        found = evaluated(build(op, [x]), [x])
        assert op in (activations.ThresholdedRelu, activations.Shrink) or math.isnan(found[0]), op.name
        assert np.isfinite(found[1:]).all(), op.name
