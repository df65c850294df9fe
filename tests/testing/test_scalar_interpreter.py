"""The slow evaluator of expressions rounds to the type of each function, and sees missing guards."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F16, F32, I8
from glassrt.testing.scalar_interpreter import apply, reduced, stored


def test_results_are_rounded_or_wrapped() -> None:
    assert stored(0.1, F16) == float(np.float16(0.1))
    assert stored(130, I8) == -126


def test_functions_follow_their_types() -> None:
    assert apply("div", [-7, 2], I8) == -3
    assert math.isinf(apply("div", [1.0, 0.0], F32))
    assert math.isnan(apply("sqrt", [-1.0], F32))


@pytest.mark.parametrize(("kind", "want"), [("sum", 6.0), ("max", 3.0), ("argmax", 2), ("prod", 6.0)])
def test_reductions_go_in_order(kind: str, want: float) -> None:
    assert reduced(kind, [1.0, 2.0, 3.0], F32) == want


def test_nan_is_the_extreme() -> None:
    assert reduced("argmax", [1.0, math.nan, 3.0], F32) == 1
