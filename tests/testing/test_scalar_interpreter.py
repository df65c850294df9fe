"""The slow evaluator of expressions: reductions, element by element."""

from __future__ import annotations

import math

import pytest
from glassrt.dialects.core.dtypes import F32
from glassrt.testing.scalar_interpreter import reduced


@pytest.mark.parametrize(("kind", "want"), [("sum", 6.0), ("max", 3.0), ("argmax", 2), ("prod", 6.0)])
def test_reductions_go_in_order(kind: str, want: float) -> None:
    assert reduced(kind, [1.0, 2.0, 3.0], F32) == want


def test_nan_is_the_extreme() -> None:
    assert reduced("argmax", [1.0, math.nan, 3.0], F32) == 1
