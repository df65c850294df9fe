"""Functions of scalars follow the types of their operands, and results are rounded to theirs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F8E4M3, F16, F32, I8, I32, DType
from glassrt.testing.scalar_functions import apply, cast, stored


def test_results_are_rounded_or_wrapped() -> None:
    assert stored(0.1, F16) == float(np.float16(0.1))
    assert stored(130, I8) == -126


def test_functions_follow_their_types() -> None:
    assert apply("div", [-7, 2], I8) == -3
    assert math.isinf(apply("div", [1.0, 0.0], F32))
    assert math.isnan(apply("sqrt", [-1.0], F32))


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (math.nan, F32, I32, 0),
        (1e20, F32, I32, 2**31 - 1),
        (300.7, F32, I8, 127),
        (1e6, F32, F8E4M3, 448.0),
        (0.1, F32, F16, float(np.float16(0.1))),
    ],
)
def test_casts_saturate(value: float, source: DType, target: DType, result: float) -> None:
    assert cast(value, source, target) == result
