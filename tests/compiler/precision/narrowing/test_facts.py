"""Facts about numbers: of types, joined, and with other bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.compiler.precision.narrowing.facts import (
    Fact,
    NumberOrigin,
    combined,
    integers,
    joined,
    of_dtype,
)
from glassrt.dialects.core.dtypes import BOOL, F16, F32, I4, I8, I16, I32, I64, U8, U16, U64, DType
from hypothesis import given
from hypothesis import strategies as st

CONSTANT, INTEGERS, WEIGHTED, DATA = NumberOrigin


@pytest.mark.parametrize("dtype", [I4, I8, I16, U8, U16], ids=str)
def test_short_integers_have_the_bounds_of_their_type(dtype: DType) -> None:
    signed = str(dtype).startswith("i")
    low, high = (-(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1) if signed else (0, 2**dtype.bits - 1)
    found = of_dtype(dtype)
    assert (found.low, found.high, found.whole, found.origin) == (low, high, True, INTEGERS)
    assert found.levels == found.peak == max(-low, high)


def test_long_integers_have_none_and_floats_are_data() -> None:
    assert of_dtype(I32) == of_dtype(I64) == integers() and of_dtype(I64).levels == math.inf
    assert (of_dtype(U64).low, of_dtype(U64).high) == (0.0, math.inf)
    assert (of_dtype(BOOL).low, of_dtype(BOOL).high) == (0, 1)
    assert of_dtype(F32) == of_dtype(F16) == Fact() and not Fact().counted
    assert Fact().origin is DATA and Fact().magnitude == math.inf


sides = st.floats(-100, 100)
facts = st.builds(
    lambda origin, a, b, peak, levels, whole, products, grows, statistic: Fact(
        origin, min(a, b), max(a, b), peak, levels, whole, products, grows, statistic
    ),
    st.sampled_from(NumberOrigin), sides, sides, st.floats(0, 100), st.floats(0, 100), st.booleans(),
    st.integers(0, 3), st.booleans(), st.booleans(),
)  # fmt: skip


@given(st.lists(facts, min_size=1, max_size=4))
def test_what_is_joined_is_no_more_certain_than_its_parts(parts: list[Fact]) -> None:
    found = joined(parts)
    for part in parts:
        assert found.low <= part.low and found.high >= part.high and found.origin >= part.origin
        assert found.peak >= part.peak and found.levels >= part.levels and found.products >= part.products
        assert part.whole or not found.whole
        assert found.grows or not part.grows
    assert joined(parts[::-1]) == found and joined([parts[0]]).low == parts[0].low


def test_a_statistic_beside_constants_is_one_and_beside_data_is_none() -> None:
    statistic, constant = Fact(statistic=True), Fact(CONSTANT, 1, 1)
    assert joined([statistic, constant]).statistic and joined([statistic, statistic]).statistic
    assert not joined([statistic, Fact()]).statistic and not joined([constant]).statistic


def test_other_bounds_are_reached_by_integers_and_by_constants_whose_bounds_are_known() -> None:
    assert integers(0, 5).within(-3, 2).peak == 3
    assert Fact(CONSTANT, 0, 1, peak=1).within(0, 9).peak == 9
    assert Fact(CONSTANT, 0, 1, peak=1).within(0, math.inf).peak == 1
    assert Fact(DATA, peak=7).within(0, 99).peak == 7 and Fact(DATA).within(0, 99).high == 99
    assert combined([integers(0, 5), integers(2, 3)], -1, 8) == integers(0, 5).within(-1, 8)


def test_of_features_only_the_bounds_are_known_and_how_many_products_made_them() -> None:
    found = integers(0, 300).absorbed(0, 1)
    assert found == Fact(DATA, 0, 1) and not found.counted
    assert Fact(products=2, grows=True, statistic=True).absorbed() == Fact(products=2)
    constant = Fact(CONSTANT, -4, 4, peak=4).absorbed(-1, 1)
    assert (constant.origin, constant.low, constant.high, constant.peak) == (CONSTANT, -1, 1, 1)


@pytest.mark.parametrize("origin", NumberOrigin)
def test_numbers_are_counted_while_they_come_from_integers(origin: NumberOrigin) -> None:
    assert Fact(origin, levels=5.0).counted == (origin in (INTEGERS, WEIGHTED)) and not Fact(origin).counted


@given(sides, sides)
def test_integers_have_a_peak_of_one_at_least(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    found = integers(low, high)
    assert found.peak == found.levels == max(np.abs([low, high, 1.0])) and found.magnitude <= found.peak
