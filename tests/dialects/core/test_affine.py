"""Symbolic integers: canonical forms, laws of division, substitution, bounds, text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from glassrt.dialects.core import affine
from glassrt.dialects.core.affine import (
    Affine,
    Dim,
    FloorDiv,
    ceildiv,
    evaluate,
    exact_div,
    floordiv,
    may_be_empty,
    occupied,
    symbol,
)
from glassrt.dialects.core.builtin import CORE
from glassrt.dialects.core.dialect import DialectSet
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.types import TensorType
from glassrt.runtime import expressions
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("N", "M2", "seq_len")
N, M, S = (symbol(name) for name in NAMES)


@dataclass(frozen=True)
class Term:
    """A Dim and what it means, computed on plain integers beside it."""

    dim: Dim
    meaning: Callable[[Mapping[str, int]], int]

    def __repr__(self) -> str:
        return f"Term({self.dim})"


def _symbol_term(name: str) -> Term:
    return Term(symbol(name), lambda values: values[name])


def _number_term(number: int) -> Term:
    return Term(number, lambda values: number)


def _combined(pair: tuple[str, Term, Term]) -> Term:
    kind, a, b = pair
    if kind == "+":
        return Term(a.dim + b.dim, lambda values: a.meaning(values) + b.meaning(values))
    if kind == "-":
        return Term(a.dim - b.dim, lambda values: a.meaning(values) - b.meaning(values))
    return Term(a.dim * b.dim, lambda values: a.meaning(values) * b.meaning(values))


def _divided(pair: tuple[str, Term, Term]) -> Term:
    kind, a, b = pair
    if kind == "//":
        return Term(a.dim // b.dim, lambda values: a.meaning(values) // b.meaning(values))
    return Term(a.dim % b.dim, lambda values: a.meaning(values) % b.meaning(values))


NUMBERS = st.integers(-24, 24).map(_number_term)
SYMBOLS = st.sampled_from(NAMES).map(_symbol_term)
POSITIVE = st.one_of(
    st.integers(1, 12).map(_number_term),
    SYMBOLS,
    st.tuples(st.just("+"), SYMBOLS, st.integers(0, 3).map(_number_term)).map(_combined),
    st.tuples(st.just("*"), SYMBOLS, st.integers(1, 6).map(_number_term)).map(_combined),
)


def _grow(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    return st.one_of(
        st.tuples(st.sampled_from("+-*"), inner, inner).map(_combined),
        st.tuples(st.sampled_from(["//", "%"]), inner, POSITIVE).map(_divided),
    )


TERMS = st.recursive(st.one_of(NUMBERS, SYMBOLS), _grow, max_leaves=8)
DIMS = TERMS.map(lambda term: term.dim)
VALUES = st.fixed_dictionaries({name: st.integers(1, 40) for name in NAMES})


def _divisions(dim: Dim) -> list[FloorDiv]:
    """All divisions in DIM, at any depth."""
    found: list[FloorDiv] = []
    pending = [dim]
    while pending:
        current = pending.pop()
        if isinstance(current, Affine):
            atoms = [atom for monomial, _ in current.terms for atom in monomial]
            inner = [atom for atom in atoms if isinstance(atom, FloorDiv)]
            found += inner
            pending += [part for atom in inner for part in (atom.numerator, atom.denominator)]
    return found


@given(TERMS, VALUES)
def test_arithmetic_means_what_it_means_on_integers(term: Term, values: dict[str, int]) -> None:
    assert affine.evaluate(term.dim, values) == term.meaning(values)


@given(DIMS, DIMS, DIMS)
def test_equal_sums_and_products_have_one_form(a: Dim, b: Dim, c: Dim) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a * b == b * a
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert affine.total([a, b, c]) == a + b + c
    assert str(a + b - b) == str(a)
    assert hash(a + b) == hash(b + a)


@given(DIMS)
def test_numbers_are_plain_integers(a: Dim) -> None:
    if not affine.symbols(a):
        assert isinstance(a, int)
    if isinstance(a, Affine):
        assert all(value for _, value in a.terms)
        assert a.terms != (((), a.terms[0][1]),)


@given(DIMS, DIMS, POSITIVE.map(lambda term: term.dim))
def test_multiples_leave_the_division(a: Dim, k: Dim, b: Dim) -> None:
    if isinstance(b, Affine) and len(b.terms) > 1:
        return  # only taken out when the whole numerator is the divisor
    assert floordiv(a + k * b, b) == floordiv(a, b) + k
    assert (a + k * b) % b == a % b


@given(DIMS, POSITIVE.map(lambda term: term.dim), st.integers(1, 9))
def test_common_factors_are_cancelled(a: Dim, b: Dim, factor: int) -> None:
    if isinstance(b, Affine) and len(b.terms) > 1:
        return
    assert floordiv(a * factor, b * factor) == floordiv(a, b)


@given(DIMS, POSITIVE.map(lambda term: term.dim), VALUES)
def test_quotient_and_remainder_belong_together(a: Dim, b: Dim, values: dict[str, int]) -> None:
    assert a // b * b + a % b == a
    assert 0 <= affine.evaluate(a % b, values) < affine.evaluate(b, values)


@given(TERMS, st.integers(1, 16), st.integers(1, 16), VALUES)
def test_rounding_up(a: Term, b: int, c: int, values: dict[str, int]) -> None:
    number = a.meaning(values)
    assert affine.evaluate(ceildiv(a.dim, b), values) == -(-number // b)
    assert affine.evaluate(a.dim // b // c, values) == number // (b * c)


@given(DIMS)
def test_what_a_number_divides_is_never_negative_for_natural_symbols(a: Dim) -> None:
    for division in _divisions(a):
        if isinstance(division.denominator, int) and not _divisions(division.numerator):
            low, _ = affine.bounds(division.numerator, {})
            assert low is not None and low >= 0


@given(TERMS, TERMS, VALUES)
def test_substitution_commutes_with_evaluation(a: Term, b: Term, values: dict[str, int]) -> None:
    chosen = b.meaning(values)
    replacement = b.dim if chosen > 0 else 3  # symbols stand for positive numbers
    replaced = affine.substitute(a.dim, {"N": replacement})
    expected = a.meaning({**values, "N": affine.evaluate(replacement, values)})
    assert affine.evaluate(replaced, values) == expected


@given(DIMS, DIMS)
def test_exact_division_undoes_multiplication(a: Dim, b: Dim) -> None:
    quotient = exact_div(a * b, b)
    if b == 0:
        assert quotient is None or b == a * b
    elif isinstance(b, int) or len(b.terms) == 1:
        assert quotient == a
    elif quotient is not None:
        assert quotient * b == a * b


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
    low, high = affine.bounds(term.dim, ranges)
    assert low is None or low <= number
    assert high is None or number <= high
    assert affine.evaluate(affine.simplify(term.dim, ranges), values) == number
    half_open = {name: (limits[0], None) for name, limits in ranges.items()}
    low, high = affine.bounds(term.dim, half_open)
    assert low is None or low <= number
    assert high is None or number <= high
    assert affine.evaluate(affine.simplify(term.dim, half_open), values) == number


@given(TERMS, st.integers(-9, 9), st.integers(0, 9), st.data())
def test_bounds_hold_for_symbols_that_may_be_negative(
    term: Term, low_end: int, width: int, data: st.DataObject
) -> None:
    if any(affine.symbols(division.denominator) for division in _divisions(term.dim)):
        return  # a divisor must be positive
    ranges = dict.fromkeys(NAMES, (low_end, low_end + width))
    values = {name: data.draw(st.integers(low_end, low_end + width), label=name) for name in NAMES}
    number = affine.evaluate(term.dim, values)
    low, high = affine.bounds(term.dim, ranges)
    assert low is None or low <= number
    assert high is None or number <= high
    assert affine.evaluate(affine.simplify(term.dim, ranges), values) == number


def test_what_is_left_of_a_cancelled_division_is_canonical() -> None:
    n = affine.symbol("N")
    assert affine.floordiv(n, 2 * n * n) == 0
    assert str(affine.floordiv(3 * n, 2 * n * n)) == "floordiv(1, N)"


@given(st.lists(DIMS, min_size=1, max_size=3))
def test_types_read_back_as_they_print(shape: list[Dim]) -> None:
    type = TensorType(tuple(shape), F32)
    if any(isinstance(dim, int) and dim < 0 for dim in shape):
        return  # never the size of a tensor
    text = (
        f"module @m {{ func @main(%x: {type}) -> ({type}) "
        '{inputs = ["x"], outputs = ["y"]} { core.return %x } }'
    )
    parsed = parse_module(text, DialectSet([CORE])).main.arguments[0].type
    assert parsed == type
    assert str(parsed) == str(type)


@given(TERMS, VALUES)
def test_plans_compute_the_same_number(term: Term, values: dict[str, int]) -> None:
    assert expressions.evaluate(affine.to_json(term.dim), values) == term.meaning(values)


ROW, LANE = symbol("i"), symbol("j")


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (2 * N + 3 - N * 2, "3"),
        (N * M - 2 * M * N, "-M2*N"),
        (1 - N, "-N+1"),
        (floordiv(2 * N - 1, 4), "floordiv(N+1, 2)-1"),
        (floordiv(5 * N, 4), "N+floordiv(N, 4)"),
        (floordiv(6 * N, 4), "N+floordiv(N, 2)"),
        (floordiv(floordiv(N, 3), 4), "floordiv(N, 12)"),
        (floordiv(N * M + S, N), "M2+floordiv(seq_len, N)"),
        (floordiv(N * S, N * M), "floordiv(seq_len, M2)"),
        (floordiv(0, N + 1), "0"),
        (floordiv(N + 1, N + 1), "1"),
        (ceildiv(4 * N, 4), "N"),
        (7 % N, "-N*floordiv(7, N)+7"),
    ],
)
def test_canonical_text(dim: Dim, text: str) -> None:
    assert str(dim) == text


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
def test_ranges_resolve_divisions(dim: Dim, text: str) -> None:
    assert str(affine.simplify(dim, {"i": (0, 9), "j": (0, 1)})) == text


def test_remainders_have_tight_bounds() -> None:
    assert affine.bounds(ROW % 7, {"i": (0, 100)}) == (0, 6)
    assert affine.bounds(3 * (ROW % 7) - LANE % 2, {"i": (0, 100), "j": (0, 100)}) == (-1, 18)
    assert affine.bounds(ROW % 7, {"i": (0, 3)}) == (0, 3)


@pytest.mark.parametrize("divisor", [0, -3])
def test_divisors_must_be_positive(divisor: int) -> None:
    with pytest.raises(ZeroDivisionError):
        floordiv(N, divisor)


def test_evaluation_names_the_symbol_without_a_value() -> None:
    with pytest.raises(KeyError, match="M2"):
        affine.evaluate(N + M, {"N": 3})


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
