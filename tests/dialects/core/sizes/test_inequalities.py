"""Rewrites of inequalities are right at every value of the symbols."""

from __future__ import annotations

from glassrt.dialects.core.affine import Affine, Dim, floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.sizes.inequalities import alone, factors_of, multiples, peeled, without_division
from hypothesis import given
from hypothesis import strategies as st

M, N = symbol("M"), symbol("N")
SMALL = st.integers(-9, 9)


@given(SMALL.filter(bool), SMALL, st.sampled_from((1, 3, 5, 7)), SMALL, SMALL, SMALL)
def test_what_has_a_division_less_is_a_lower_bound(
    factor: int, shift: int, by: int, rest: int, n: int, m: int
) -> None:
    dim = factor * floordiv(2 * N + shift, by) + rest * M
    less = without_division(dim)
    if "floordiv" not in str(dim):
        assert less is None
        return
    assert less is not None
    at = {"N": n, "M": m}
    assert "floordiv" not in str(less)
    assert evaluate(less, at) <= by * evaluate(dim, at)


def test_only_divisions_by_numbers_are_replaced() -> None:
    assert without_division(floordiv(N, M + 1)) is None
    assert without_division(N + 1) is None and without_division(3) is None


@given(SMALL.filter(bool), SMALL, st.integers(2, 9), SMALL, st.integers(-40, 40))
def test_a_peeled_inequality_holds_where_the_other_does(
    factor: int, shift: int, by: int, constant: int, n: int
) -> None:
    dim = factor * floordiv(N + shift, by) + constant
    found = peeled(dim)
    assert "floordiv" not in str(found)
    assert (evaluate(found, {"N": n}) >= 0) == (evaluate(dim, {"N": n}) >= 0)


def test_what_stands_beside_a_division_is_not_peeled() -> None:
    for dim in (floordiv(N, 2) + M, floordiv(N, M + 1), N * floordiv(M, 2), N - 3):
        assert peeled(dim) == dim
    assert peeled(7) == 7 and peeled(floordiv(floordiv(N, 2), 3) - 1) == N - 6


def test_factors_bring_terms_of_a_fact_to_those_of_a_size() -> None:
    fact, dim = N - 2 * M, 3 * N * M + 4 * M - 5
    assert isinstance(fact, Affine) and isinstance(dim, Affine)
    found = multiples(fact, dim)
    assert found[0] == 1 and set(found) == {1, 3 * M, -2}


def test_a_symbol_alone_is_one_linear_term() -> None:
    assert dict(alone(3 * N - M + 5)) == {"N": 3, "M": -1}
    assert alone(N * M) == [] and alone(N + N * M) == [] and alone(4) == []
    assert alone(N + floordiv(N + M, 2)) == []


def test_factors_that_must_be_positive() -> None:
    assert set(factors_of(N * M - 1)) == {N, M} and factors_of(2 * N * N - 2) == [N]
    nothing: list[Dim] = [N * M - 3, N * M + 1, N * M, N + M - 1, 1 - N * M, 5]
    assert [factors_of(dim) for dim in nothing] == [[]] * len(nothing)
