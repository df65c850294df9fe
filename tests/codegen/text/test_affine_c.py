"""Symbolic integers as C text: computed as C does, it is what the algebra says."""

from __future__ import annotations

import pytest
from glassrt.codegen.text.affine_c import dim_names, dim_to_c, factor_to_c
from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from hypothesis import given
from hypothesis import strategies as st

X, Y = symbol("x"), symbol("y")
NAMES = {"x": "a", "y": "b"}
NUMBERS = st.integers(1, 9)
ATOMS = st.one_of(NUMBERS, st.sampled_from([X, Y]))
DIMS: st.SearchStrategy[Dim] = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda ab: ab[0] + ab[1]),
        st.tuples(inner, inner).map(lambda ab: ab[0] * ab[1]),
        st.tuples(inner, NUMBERS).map(lambda ab: floordiv(ab[0], ab[1])),
        st.tuples(inner, NUMBERS).map(lambda ab: ab[0] % ab[1]),
    ),
    max_leaves=6,
)


@given(DIMS, st.integers(0, 50), st.integers(0, 50))
def test_the_text_has_the_value(dim: Dim, x: int, y: int) -> None:
    value = evaluate(dim, {"x": x, "y": y})
    scope = {"a": x, "b": y}
    assert eval(dim_to_c(dim, NAMES).replace("/", "//"), scope) == value
    assert eval(f"7 * {factor_to_c(dim, NAMES)}".replace("/", "//"), scope) == 7 * value


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (3 * X - Y + 1, "a*3 - b + 1"),
        (X - 4 * floordiv(X, 4), "a % 4"),
        (2 * (X - 4 * floordiv(X, 4)) + 5, "2*(a % 4) + 5"),
        (floordiv(X + Y, 4), "((a + b) / 4)"),
        (floordiv(X, 4) - 3 * floordiv(X, 12), "((a / 4)) % 3"),
        (-1 * X, "-a"),
        (7, "7"),
    ],
)
def test_remainders_are_found(dim: Dim, text: str) -> None:
    assert dim_to_c(dim, NAMES) == text


def test_operands_of_products_have_parentheses() -> None:
    assert [factor_to_c(dim, NAMES) for dim in (X, X + 1, X * Y, -1 * X)] == ["a", "(a + 1)", "(a*b)", "(-a)"]


def test_names_of_symbols() -> None:
    assert dim_names(["N", "B"]) == {"B": "s0", "N": "s1"}
    with pytest.raises(KeyError):
        dim_to_c(symbol("z"), NAMES)
