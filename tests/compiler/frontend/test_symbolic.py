"""Arithmetic on sizes: every result, at every value of the symbols, is what the numbers give."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import symbolic
from glassrt.compiler.frontend.problems import Malformed
from glassrt.compiler.frontend.symbolic import Ratio, Scalar, Undecided, parts, ratio
from glassrt.dialects.core.affine import Affine, Dim, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.sizes.sizes import Sizes
from hypothesis import given
from hypothesis import strategies as st

N, M = symbol("N"), symbol("M")
NUMBERS = st.integers(-6, 6)
DIMS: st.SearchStrategy[Dim] = st.builds(lambda a, b, c: a * N + b * M + c, NUMBERS, NUMBERS, NUMBERS)
SCALARS = st.builds(ratio, DIMS, st.integers(1, 4))
VALUES = st.fixed_dictionaries({"N": st.integers(0, 9), "M": st.integers(1, 5)})


def truncated(x: Fraction) -> Fraction:
    return Fraction(math.trunc(x))


EXACT: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "real_div": lambda a, b: a / b,
    "integer_div": lambda a, b: truncated(a / b),
    "modulo": lambda a, b: a - b * math.floor(a / b),
    "minimum": min,
    "maximum": max,
    "equal": lambda a, b: Fraction(a == b),
    "greater": lambda a, b: Fraction(a > b),
    "less": lambda a, b: Fraction(a < b),
    "greater_equal": lambda a, b: Fraction(a >= b),
    "less_equal": lambda a, b: Fraction(a <= b),
    "floor": lambda a: Fraction(math.floor(a)),
    "ceil": lambda a: Fraction(math.ceil(a)),
    "truncate": truncated,
}


def fresh() -> Sizes:
    return Sizes(Module(symbols={"N": SymbolRange(0, 4, 9), "M": SymbolRange(1, 2, 5)}))


def value_of(scalar: Scalar, sizes: Sizes, values: dict[str, int]) -> Fraction:
    """SCALAR where the symbols have VALUES; derived symbols follow from these."""
    known = dict(values)
    for name, each in sizes.module.derived.items():
        first, *others = (evaluate(operand, known) for operand in each.operands)
        selected = others[0] if first >= 0 else others[-1]
        known[name] = {"min": min(first, *others), "max": max(first, *others), "select": selected}[
            each.function
        ]
    numerator, denominator = parts(scalar)
    return Fraction(evaluate(numerator, known), denominator)


@given(st.sampled_from(sorted(EXACT)), SCALARS, SCALARS, VALUES)
def test_results_are_those_of_the_numbers(name: str, a: Scalar, b: Scalar, values: dict[str, int]) -> None:
    sizes = fresh()
    operands = [a, b][: 1 if name in ("floor", "ceil", "truncate") else 2]
    try:
        found = getattr(symbolic, name)(*operands, sizes)
    except Undecided:
        assert name in ("real_div", "integer_div", "modulo")
        return
    except Malformed:
        assert "div" in name or name == "modulo"
        return
    numbers = [value_of(each, sizes, values) for each in operands]
    if name in ("real_div", "integer_div", "modulo") and numbers[1] == 0:
        return
    assert value_of(found, sizes, values) == EXACT[name](*numbers)


@given(DIMS, DIMS, DIMS, VALUES)
def test_clamps_and_choices(value: Dim, low: Dim, high: Dim, values: dict[str, int]) -> None:
    sizes = fresh()
    clamped, chosen = symbolic.clamp(value, low, high, sizes), symbolic.choose(value, low, high, sizes)
    x, least, most = (value_of(each, sizes, values) for each in (value, low, high))
    assert value_of(clamped, sizes, values) == min(max(x, least), most)
    assert value_of(chosen, sizes, values) == (least if x >= 0 else most)


@given(st.integers(0, 9), st.integers(0, 4), VALUES)
def test_steps_in_a_distance(a: int, b: int, values: dict[str, int]) -> None:
    sizes = fresh()
    distance, step = a + N, b * M
    found = value_of(symbolic.steps_in(distance, step, sizes), sizes, values)
    x, by = (int(value_of(each, sizes, values)) for each in (distance, step))
    assert found == -(-x // max(by, 1))


@given(DIMS, DIMS)
def test_exact_quotients(a: Dim, b: Dim) -> None:
    if b == 0:
        with pytest.raises(Malformed, match="divided by zero"):
            symbolic.quotient(a, b)
    else:
        assert symbolic.quotient(a * b, b) == a
        if isinstance(b, Affine):
            with pytest.raises(Undecided, match="is not a multiple"):
                symbolic.quotient(a * b + N * M * N + 1, b * N * N * N + 1)


def test_ratios_are_reduced_to_sizes_where_they_are_exact() -> None:
    assert ratio(4 * N + 2, 2) == 2 * N + 1 and ratio(6, 3) == 2
    half = ratio(N, 2)
    assert isinstance(half, Ratio) and parts(half) == (N, 2) and parts(N) == (N, 1)
    assert symbolic.add(half, half, fresh()) == N


def test_numbers_are_lifted_exactly_or_not_at_all() -> None:
    found = symbolic.lift(np.array([[0.5, -3.0], [2.0, 1 / 3]]))
    assert [parts(each) for each in found.reshape(-1)[:3]] == [(1, 2), (-3, 1), (2, 1)]
    assert parts(found[1, 1]) == (1, 3) and found.shape == (2, 2)
    assert list(symbolic.lift(np.array([True, False]))) == [1, 0]
    for odd, words in ((np.inf, "not finite"), (np.nan, "not finite"), (np.pi, "no[t]? a simple fraction")):
        with pytest.raises(Undecided, match=words):
            symbolic.lift(np.array([odd]))


def test_tensors_of_sizes() -> None:
    made = symbolic.object_array([N, 3, ratio(M, 2)], (3,))
    assert symbolic.as_dims(made[:2]) == (N, 3)
    with pytest.raises(Undecided, match="not an integer"):
        symbolic.as_dims(made)
    replaced = symbolic.substituted(made, {"N": 2 * M, "M": 4})
    assert list(replaced) == [2 * M, 3, 2]
    calls = []

    def twice(a: Scalar, b: Scalar) -> Scalar:
        calls.append((a, b))
        return symbolic.add(a, b, fresh())

    spread = symbolic.apply(
        twice, [symbolic.object_array([N, N], (2, 1)), symbolic.object_array([1, 2], (2,))]
    )
    assert spread.shape == (2, 2) and list(spread.reshape(-1)) == [N + 1, N + 2, N + 1, N + 2]
    assert len(calls) == 2


def test_expressions_do_not_grow_without_end() -> None:
    grown: Scalar = N + M + 1
    with pytest.raises(Malformed):
        for _ in range(12):
            grown = symbolic.mul(grown, grown, fresh())
