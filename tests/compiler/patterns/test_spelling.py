"""Formulas as polynomials: whatever the order they are written in, the coefficients are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.patterns.spelling import (
    MOST_DEPTH,
    inner_values,
    is_polynomial,
    near,
    ones,
    orders,
    polynomial,
    scalar,
    scalings,
)
from glassrt.dialects.core.dtypes import BOOL, F16, F32, I32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.binary import Add, Div, Mul, Pow, Sub
from glassrt.dialects.graph.unary import Exp, Neg
from glassrt.testing.net import Net
from hypothesis import given
from hypothesis import strategies as st


class Formula:
    """A net over two tensors x and y, and numbers."""

    def __init__(self) -> None:
        self.net = Net()
        self.x, self.y = self.net.input("x", 3), self.net.input("y", 3)

    def number(self, value: float, shape: tuple[int, ...] = ()) -> Value:
        return self.net.const(np.full(shape, value, np.float32))

    def of(self, value: Value) -> dict[tuple[int, ...], float] | None:
        return polynomial(value, [self.x, self.y], self.net.module)


NUMBERS = st.sampled_from([-2.0, -0.5, 0.5, 1.0, 3.0])


@st.composite
def formulas(draw: st.DrawFn) -> tuple[Formula, Value]:
    made = Formula()

    def build(depth: int) -> Value:
        kinds = ["atom", "number"] + (["add", "sub", "mul", "neg", "div", "pow"] if depth else [])
        match draw(st.sampled_from(kinds)):
            case "number":
                return made.number(draw(NUMBERS))
            case "add":
                return made.net.add(Add, build(depth - 1), build(depth - 1))
            case "sub":
                return made.net.add(Sub, build(depth - 1), build(depth - 1))
            case "mul":
                return made.net.add(Mul, build(depth - 1), build(depth - 1))
            case "neg":
                return made.net.add(Neg, build(depth - 1))
            case "div":
                return made.net.add(Div, build(depth - 1), made.number(draw(NUMBERS)))
            case "pow":
                return made.net.add(Pow, build(depth - 1), made.number(draw(st.sampled_from([1.0, 2.0]))))
        return draw(st.sampled_from([made.x, made.y]))

    return made, made.net.add(Add, build(2), made.x)


X, Y = np.array([0.5, -1.25, 2.0], np.float32), np.array([-0.75, 0.5, 1.5], np.float32)


@given(formulas())
def test_a_polynomial_has_the_values_of_the_formula(given_: tuple[Formula, Value]) -> None:
    made, value = given_
    found = made.of(value)
    want = interpret(made.net.done(value), {"x": X, "y": Y})["y"]
    if found is None:
        return
    have = sum(
        factor * X.astype(np.float64) ** p * Y.astype(np.float64) ** q for (p, q), factor in found.items()
    )
    np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4)


def test_orders_of_a_formula_are_one_polynomial() -> None:
    """x * 0.5 * (1 + y) in four ways."""
    made = Formula()
    add = made.net.add
    half, one, x, y = made.number(0.5), made.number(1), made.x, made.y
    spellings = [
        add(Mul, add(Mul, x, half), add(Add, one, y)),
        add(Mul, half, add(Add, x, add(Mul, x, y))),
        add(Div, add(Mul, add(Add, y, one), x), made.number(2)),
        add(Sub, add(Mul, add(Mul, x, y), half), add(Mul, x, made.number(-0.5))),
    ]
    for value in spellings:
        assert is_polynomial(made.of(value), {(1, 0): 0.5, (1, 1): 0.5}, x)
    assert not is_polynomial(made.of(spellings[0]), {(1, 0): 0.5}, x)
    assert not is_polynomial(made.of(spellings[0]), {(1, 0): 0.5, (1, 1): 0.6}, x)
    assert not is_polynomial(None, {}, x)


def test_what_is_no_polynomial() -> None:
    made = Formula()
    add = made.net.add
    high = made.x
    for _ in range(3):
        high = add(Mul, high, high)
    deep = made.x
    for _ in range(MOST_DEPTH + 1):
        deep = add(Neg, deep)
    for value in (add(Exp, made.x), add(Div, made.x, made.y), add(Pow, made.x, made.number(0.5)), high, deep):
        assert made.of(value) is None


@pytest.mark.parametrize(
    ("array", "number"),
    [
        (np.float32(2.5), 2.5),
        (np.full((2, 3), -1, np.int32), -1.0),
        (np.array([1.0, 2.0], np.float32), None),
        (np.zeros((0,), np.float32), None),
        (np.array(True), None),
        (np.array([np.nan], np.float32), None),
    ],
)
def test_a_constant_of_one_number(array: Any, number: float | None) -> None:
    net = Net()
    assert scalar(net.const(array), net.module) == number
    assert scalar(net.input("x", 2), net.module) is None and scalar(None, net.module) is None


@pytest.mark.parametrize(("dtype", "unit"), [(F32, 2.0**-19), (F16, 2.0**-10)], ids=str)
def test_numbers_are_as_near_as_their_type_stores_them(dtype: Any, unit: float) -> None:
    x = Net().input("x", 2, dtype=dtype)
    assert near(3.0 * (1 + unit * 0.9), 3.0, x) and not near(3.0 * (1 + unit * 1.1), 3.0, x)
    assert not near(None, 3.0, x) and not near(-3.0, 3.0, x)


def test_factors_are_taken_off_one_by_one() -> None:
    made = Formula()
    add = made.net.add
    value = add(Neg, add(Div, add(Mul, made.number(3), made.x), made.number(4)))
    found = list(scalings(value, made.net.module))
    assert [factor for _, factor in found] == [1.0, -1.0, -0.25, -0.75]
    assert found[-1][0] is made.x and found[0][0] is value
    by_zero = add(Div, made.x, made.number(0))
    assert list(scalings(by_zero, made.net.module)) == [(by_zero, 1.0)]
    widened = add(Mul, made.x, made.number(2, (2, 1)))
    assert list(scalings(widened, made.net.module)) == [(widened, 1.0)], "a factor that broadcasts is none"


def test_both_orders_of_a_sum() -> None:
    made = Formula()
    total = made.net.add(Add, made.x, made.y).producer
    assert total is not None and list(orders(total)) == [(made.x, made.y), (made.y, made.x)]


def test_inner_values_come_nearest_first_and_end_at_other_ops() -> None:
    made = Formula()
    add = made.net.add
    power = add(Exp, made.x)
    inner = add(Mul, power, made.number(2))
    outer = add(Add, inner, made.y)
    assert list(inner_values(outer, 9)) == [outer, inner, made.y, power]
    assert list(inner_values(outer, 1)) == [outer, inner, made.y]


def test_a_single_one_of_the_type() -> None:
    for dtype in (F16, I32, BOOL):
        found = ones(Net().input("x", 2, 3, dtype=dtype))
        assert found.shape == (1,) and found.dtype == dtype.numpy and found[0] == 1
