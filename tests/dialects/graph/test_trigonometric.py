"""Trigonometric and hyperbolic functions: inverses undo them where they exist, and are NaN elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.graph import trigonometric as t
from glassrt.testing.op_checks import build, evaluated

X = np.linspace(0.1, 0.9, 9)


@pytest.mark.parametrize(
    ("function", "inverse"),
    [
        (t.Sin, t.Asin), (t.Cos, t.Acos), (t.Tan, t.Atan),
        (t.Sinh, t.Asinh), (t.Cosh, t.Acosh), (t.Tanh, t.Atanh),
    ],
)  # fmt: skip
def test_an_inverse_undoes_its_function(function: Any, inverse: Any) -> None:
    y = evaluated(build(function, [X]), [X])
    np.testing.assert_allclose(evaluated(build(inverse, [y]), [y]), X, rtol=1e-12)


@pytest.mark.parametrize(
    ("inverse", "outside"), [(t.Asin, 1.5), (t.Acos, -1.5), (t.Acosh, 0.5), (t.Atanh, 1.5)]
)
def test_an_inverse_is_nan_where_there_is_none(inverse: Any, outside: float) -> None:
    x = np.array([outside])
    assert np.isnan(evaluated(build(inverse, [x]), [x])).all()
