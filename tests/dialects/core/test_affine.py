"""Affine expressions: canonical forms that mean the same as arithmetic on integers."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Affine, Dim, ceildiv, exact_div, floordiv, symbol, total
from glassrt.dialects.core.affine_traversal import evaluate, symbols
from glassrt.dialects.core.bounds import bounds
from glassrt.dialects.core.builtin import CORE
from glassrt.dialects.core.dialect import DialectSet
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.types import TensorType
from hypothesis import given
from hypothesis import strategies as st

from .affine_terms import DIMS, POSITIVE, TERMS, VALUES, M, N, S, Term, divisions


@given(TERMS, VALUES)
def test_arithmetic_means_what_it_means_on_integers(term: Term, values: dict[str, int]) -> None:
    assert evaluate(term.dim, values) == term.meaning(values)


@given(DIMS, DIMS, DIMS)
def test_equal_sums_and_products_have_one_form(a: Dim, b: Dim, c: Dim) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a * b == b * a
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert total([a, b, c]) == a + b + c
    assert str(a + b - b) == str(a)
    assert hash(a + b) == hash(b + a)


@given(DIMS)
def test_numbers_are_plain_integers(a: Dim) -> None:
    if not symbols(a):
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
    assert 0 <= evaluate(a % b, values) < evaluate(b, values)


@given(TERMS, st.integers(1, 16), st.integers(1, 16), VALUES)
def test_rounding_up(a: Term, b: int, c: int, values: dict[str, int]) -> None:
    number = a.meaning(values)
    assert evaluate(ceildiv(a.dim, b), values) == -(-number // b)
    assert evaluate(a.dim // b // c, values) == number // (b * c)


@given(DIMS)
def test_what_a_number_divides_is_never_negative_for_natural_symbols(a: Dim) -> None:
    for division in divisions(a):
        if isinstance(division.denominator, int) and not divisions(division.numerator):
            low, _ = bounds(division.numerator, {})
            assert low is not None and low >= 0


@given(DIMS, DIMS)
def test_exact_division_undoes_multiplication(a: Dim, b: Dim) -> None:
    quotient = exact_div(a * b, b)
    if b == 0:
        assert quotient is None or b == a * b
    elif isinstance(b, int) or len(b.terms) == 1:
        assert quotient == a
    elif quotient is not None:
        assert quotient * b == a * b


def test_what_is_left_of_a_cancelled_division_is_canonical() -> None:
    n = symbol("N")
    assert floordiv(n, 2 * n * n) == 0
    assert str(floordiv(3 * n, 2 * n * n)) == "floordiv(1, N)"


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


@pytest.mark.parametrize("divisor", [0, -3])
def test_divisors_must_be_positive(divisor: int) -> None:
    with pytest.raises(ZeroDivisionError):
        floordiv(N, divisor)
