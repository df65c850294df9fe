"""Facts about constants."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.precision.narrowing.constants import constant_fact
from glassrt.compiler.precision.narrowing.facts import Fact, NumberOrigin, integers


def test_weights_have_bounds() -> None:
    found = constant_fact(np.array([0.5, -3.0], np.float32))
    assert found == Fact(NumberOrigin.CONSTANT, -3.0, 0.5, peak=3.0, whole=False)
    assert constant_fact(np.array([0.5, -np.inf], np.float32)).low == 0.5
    assert constant_fact(np.array([0.5, 1.5], np.float32), bounded=False) == Fact(NumberOrigin.CONSTANT)


def test_a_table_of_large_integers_is_one_of_positions() -> None:
    assert constant_fact(np.arange(1000, dtype=np.int64)) == integers(0.0, 999.0)
    assert constant_fact(np.arange(1000, dtype=np.float32)) == integers(0.0, 999.0)
    small = constant_fact(np.arange(200, dtype=np.int64))
    assert small.origin is NumberOrigin.CONSTANT and small.whole and small.peak == 199
    single = constant_fact(np.full(3, 5000, np.int64))
    assert single.origin is NumberOrigin.CONSTANT and single.high == 5000


def test_bytes_have_the_range_of_their_type() -> None:
    found = constant_fact(np.array([3, 4], np.int8))
    assert (found.origin, found.low, found.high, found.whole) == (NumberOrigin.CONSTANT, -128, 127, True)
    assert constant_fact(np.zeros(0, np.float32)) == Fact(NumberOrigin.CONSTANT, 0.0, 0.0, whole=True)


def test_a_late_fraction_is_found() -> None:
    numbers = np.arange(1000, dtype=np.float32)
    numbers[-1] = 998.5
    assert not constant_fact(numbers).whole
    numbers[-1] = np.nan
    assert not constant_fact(numbers).whole
