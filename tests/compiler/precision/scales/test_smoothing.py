"""The factors of channels: powers of two, by the share of the ranges that weights take over."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.precision.scales.smoothing import MOST_EXPONENT, check_smooth, exponents
from glassrt.errors import InputError

ONES = np.ones((4, 3))


def test_a_share_of_each_range_is_taken_over() -> None:
    maxima = np.array([1.0, 1.0, 1.0, 256.0])
    assert exponents(maxima, [ONES], 1.0).tolist() == [0, 0, 0, 8]
    assert exponents(maxima, [ONES], 0.5).tolist() == [0, 0, 0, 4]
    assert not exponents(maxima, [ONES], 0.0).any()


def test_rows_of_weights_that_are_large_already_take_less() -> None:
    """The largest of all products that read a channel counts, of stacked matrices too."""
    maxima = np.array([1.0, 1.0, 1.0, 256.0])
    stacked = np.stack([ONES, ONES * 4])
    stacked[:, 3] *= 16
    assert exponents(maxima, [ONES, ONES], 0.5).tolist() == [0, 0, 0, 4]
    assert exponents(maxima, [ONES, stacked], 0.5).tolist() == [0, 0, 0, 2]


def test_no_channel_is_made_larger() -> None:
    """Inputs beyond what calibration saw would overflow f16 where they are stored before the product."""
    assert exponents(np.array([1.0, 1.0, 1e-8, 64.0]), [ONES], 1.0).tolist() == [0, 0, 0, 6]


def test_ranges_that_differ_by_a_bit_are_left_alone() -> None:
    assert not exponents(np.array([1.0, 2.0, 1.0, 0.5, 1.0]), [np.ones((5, 3))], 1.0).any()


@pytest.mark.parametrize("odd", [0.0, np.inf, np.nan])
def test_channels_without_a_size_stay(odd: float) -> None:
    assert exponents(np.array([1.0, 1.0, odd, 4.0]), [ONES], 1.0).tolist() == [0, 0, 0, 2]
    weights = ONES.copy()
    weights[2] = odd
    assert exponents(np.array([1.0, 1.0, 9.0, 4.0]), [weights], 1.0).tolist()[2] == 0
    assert not exponents(np.full(4, odd), [ONES], 1.0).any()


def test_factors_are_bounded() -> None:
    assert exponents(np.array([1.0, 1.0, 1.0, 1e30]), [ONES], 1.0)[3] == MOST_EXPONENT


def test_a_share_is_between_0_and_1() -> None:
    check_smooth(None)
    check_smooth(1.0)
    for odd in (-0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="between 0 and 1"):
            check_smooth(odd)
