"""Sample positions: how they are rounded, and the fractions that scales stand for."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from glassrt.dialects.graph.movement.sampling import NEAREST, nearest_position, simple_fraction
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(-50, 50), st.integers(1, 12))
def test_rounding_of_positions(over: int, under: int) -> None:
    position = Fraction(over, under)
    for rounding in NEAREST:
        place = nearest_position(rounding, over, under)
        assert isinstance(place, int)
        distance = abs(place - position)
        if rounding in ("floor", "ceil"):
            assert distance < 1 and (place <= position if rounding == "floor" else place >= position)
        else:
            half = Fraction(1, 2)
            assert distance <= half
            assert distance < half or place == position + (half if rounding == "round_prefer_ceil" else -half)


@pytest.mark.parametrize("number", [0.6, 1 / 3, 2.0, 0.8, 10 / 7, 1e-5])
def test_scales_stand_for_simple_fractions(number: float) -> None:
    fraction = simple_fraction(float(np.float32(number)))
    assert np.float32(float(fraction)) == np.float32(number)
    assert number < 1e-4 or fraction.denominator <= 7
