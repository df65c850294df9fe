"""Substitution, evaluation and what is read from affine expressions."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Dim, floordiv
from glassrt.dialects.core.affine_traversal import (
    divisors,
    evaluate,
    linear_symbol,
    measure,
    sole_symbol,
    substitute,
    symbols,
    to_json,
)
from glassrt.runtime import expressions
from hypothesis import given

from .affine_terms import TERMS, VALUES, M, N, Term


@given(TERMS, TERMS, VALUES)
def test_substitution_commutes_with_evaluation(a: Term, b: Term, values: dict[str, int]) -> None:
    chosen = b.meaning(values)
    replacement = b.dim if chosen > 0 else 3  # symbols stand for positive numbers
    replaced = substitute(a.dim, {"N": replacement})
    expected = a.meaning({**values, "N": evaluate(replacement, values)})
    assert evaluate(replaced, values) == expected


@given(TERMS, VALUES)
def test_plans_compute_the_same_number(term: Term, values: dict[str, int]) -> None:
    assert expressions.evaluate(to_json(term.dim), values) == term.meaning(values)


def test_evaluation_names_the_symbol_without_a_value() -> None:
    with pytest.raises(KeyError, match="M2"):
        evaluate(N + M, {"N": 3})


def test_what_an_expression_holds() -> None:
    dim = 3 * floordiv(N + 7, M) + N
    assert symbols(dim) == {"N", "M2"} and symbols(4) == set()
    assert list(divisors(dim)) == [M] and list(divisors(floordiv(N, 4))) == []
    assert measure(dim) == (9, 7) and measure(-5) == (0, 5)


@pytest.mark.parametrize(
    ("dim", "linear", "sole"),
    [
        (3 * N, ("N", 3, 0), ("N", 3)),
        (3 * N - 2, ("N", 3, -2), None),
        (2 - N, None, None),
        (N * N, None, None),
        (N + M, None, None),
        (floordiv(N, 2), None, None),
        (5, None, None),
    ],
)
def test_what_determines_a_symbol(
    dim: Dim, linear: tuple[str, int, int] | None, sole: tuple[str, int] | None
) -> None:
    assert linear_symbol(dim) == linear and sole_symbol(dim) == sole
