"""Bounds of affine expressions hold for all values in the ranges, and decide divisions."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate, symbols
from glassrt.dialects.core.bounds import bounds, may_be_empty, occupied, simplify
from hypothesis import given
from hypothesis import strategies as st

from .affine_terms import NAMES, TERMS, N, Term, divisions

RANGES = st.fixed_dictionaries(
    {
        name: st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda r: (r[0], r[0] + r[1]))
        for name in NAMES
    }
)


@given(TERMS, RANGES, st.data())
def test_bounds_and_simplification_hold_within_the_ranges(
    term: Term, ranges: dict[str, tuple[int, int]], data: st.DataObject
) -> None:
    values = {name: data.draw(st.integers(*limits), label=name) for name, limits in ranges.items()}
    number = term.meaning(values)
    low, high = bounds(term.dim, ranges)
    assert low is None or low <= number
    assert high is None or number <= high
    assert evaluate(simplify(term.dim, ranges), values) == number
    half_open = {name: (limits[0], None) for name, limits in ranges.items()}
    low, high = bounds(term.dim, half_open)
    assert low is None or low <= number
    assert high is None or number <= high
    assert evaluate(simplify(term.dim, half_open), values) == number


@given(TERMS, st.integers(-9, 9), st.integers(0, 9), st.data())
def test_bounds_hold_for_symbols_that_may_be_negative(
    term: Term, low_end: int, width: int, data: st.DataObject
) -> None:
    if any(symbols(division.denominator) for division in divisions(term.dim)):
        return  # a divisor must be positive
    ranges = dict.fromkeys(NAMES, (low_end, low_end + width))
    values = {name: data.draw(st.integers(low_end, low_end + width), label=name) for name in NAMES}
    number = evaluate(term.dim, values)
    low, high = bounds(term.dim, ranges)
    assert low is None or low <= number
    assert high is None or number <= high
    assert evaluate(simplify(term.dim, ranges), values) == number


ROW, LANE = symbol("i"), symbol("j")


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (floordiv(4 * ROW + LANE, 4), "i"),
        ((4 * ROW + LANE) % 4, "j"),
        (floordiv(6 * ROW + LANE, 4), "floordiv(i, 2)+i"),
        (floordiv(3 * ROW + LANE, 6), "floordiv(i, 2)"),
        (floordiv(LANE + 7, 4), "floordiv(j+3, 4)+1"),
        (floordiv(LANE - 4, 4) + 1, "0"),
    ],
)
def test_ranges_resolvedivisions(dim: Dim, text: str) -> None:
    assert str(simplify(dim, {"i": (0, 9), "j": (0, 1)})) == text


def test_remainders_have_tight_bounds() -> None:
    assert bounds(ROW % 7, {"i": (0, 100)}) == (0, 6)
    assert bounds(3 * (ROW % 7) - LANE % 2, {"i": (0, 100), "j": (0, 100)}) == (-1, 18)
    assert bounds(ROW % 7, {"i": (0, 3)}) == (0, 3)


@given(high=st.integers(0, 9), offset=st.integers(0, 2))
def test_what_is_occupied_is_not_empty(high: int, offset: int) -> None:
    size, ranges = N * 2 + offset, {"N": (0, high)}
    assert may_be_empty(size, ranges) == (offset == 0)
    for value in range(high + 1):
        assert evaluate(occupied(size, ranges), {"N": value}) == int(2 * value + offset > 0)


def test_a_size_without_bounds_is_not_known_to_be_occupied() -> None:
    assert occupied(N + 1, {}) == 1
    with pytest.raises(ValueError, match="is unbounded"):
        occupied(N, {})
