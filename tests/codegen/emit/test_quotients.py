"""Divisions that are rounded: by multiplication they give the same integers, for every dividend."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.emit.quotients import MOST, Quotient, by_reciprocals, edges, reciprocal, rounds_alike
from glassrt.dialects.core.dtypes import F8E4M3, F8E5M2, F16, F32, I8, I32, DType
from glassrt.dialects.core.expr import Apply, CastExpr, Const, Expr, LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType

S = Scalars()
X, BYTE = (LoadExpr(Block([TensorType((4,), dtype)]).arguments[0], (0,), dtype) for dtype in (F32, I8))
BYTES = (-128, 127)
DIVISORS = [0.0356088, 3.0, 1 / 127, 6 / 255, -0.7, 0.1, 1e-20, 4096.1]


def divided(x: Expr, by: float) -> Expr:
    return S.apply("round", S.apply("div", x, Const(by, F32)))


@pytest.mark.parametrize("divisor", DIVISORS)
def test_the_parts_are_of_the_reciprocal_and_of_its_sign(divisor: float) -> None:
    parts = reciprocal(divisor)
    assert parts is not None
    high, low = parts
    y = float(np.float32(divisor))
    assert high * y > 0 and low * y > 0 and abs(high) < abs(1 / y)
    assert high + low == pytest.approx(1 / y, rel=2.0**-45)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_every_dividend_is_rounded_alike(divisor: float) -> None:
    """Dividends at random, and all beside the middles of integers; f64 shows what one rounding gives."""
    parts = reciprocal(divisor)
    assert parts is not None
    y, (high, low) = np.float32(divisor), (np.float32(part) for part in parts)
    random = np.random.default_rng(5).uniform(-MOST, MOST, 100_000).astype(np.float32) * y
    middles = (np.arange(-MOST, MOST) + 0.5).astype(np.float32) * y
    beside = [(middles.view(np.int32) + step).view(np.float32) for step in range(-9, 10)]
    x = np.concatenate([random, *beside])
    fused = (x.astype(np.float64) * float(high) + (x * low)).astype(np.float32)
    np.testing.assert_array_equal(np.rint(fused), np.rint(x / y))


@pytest.mark.parametrize("to", [F8E4M3, F8E5M2])
@pytest.mark.parametrize("divisor", DIVISORS)
def test_quotients_round_alike_to_floats_of_eight_bits(divisor: float, to: DType) -> None:
    parts = reciprocal(divisor, to)
    assert parts is not None
    y, (high, low) = np.float32(divisor), (np.float32(part) for part in parts)
    middles = edges(to) * y
    beside = [np.nextafter(middles, side * np.inf, dtype=np.float32) for side in (-1, 1)]
    random = np.random.default_rng(5).standard_normal(20_000).astype(np.float32) * y
    x = np.concatenate([random, middles, *beside])
    fused = (x.astype(np.float64) * float(high) + (x * low)).astype(np.float32)
    bits = [(quotient.astype(to.numpy)).view(np.uint8) for quotient in (fused, x / y)]
    np.testing.assert_array_equal(*bits)


@pytest.mark.parametrize("divisor", [0.0, 0.25, 64.0, np.inf, np.nan, 1e-35, 1e35])
def test_others_stay_divisions(divisor: float) -> None:
    assert reciprocal(divisor) is None
    whole = by_reciprocals(divided(X, divisor), BYTES)
    assert isinstance(whole, Apply) and isinstance(whole.operands[0], Apply)


def test_nearly_every_divisor_has_a_reciprocal() -> None:
    scales = np.exp(np.random.default_rng(1).uniform(-12, 5, 500)).astype(np.float32)
    assert sum(reciprocal(float(scale)) is None for scale in scales) <= 1


def test_parts_that_round_another_way_are_refused() -> None:
    """The reciprocal alone is on the wrong side of some middle."""
    y = np.float32(0.0356088)
    assert not rounds_alike(y, np.float32(1) / y, np.float32(0))


@pytest.mark.parametrize("offset", [Const(128.0, F32), CastExpr(BYTE, F32)])
def test_a_zero_point_may_follow(offset: Expr) -> None:
    found = by_reciprocals(S.apply("add", divided(X, 0.1234), offset), BYTES)
    assert isinstance(found, Apply) and found.operands[1] is offset
    [quotient] = found.operands[0].operands  # type: ignore[attr-defined]
    assert isinstance(quotient, Quotient) and quotient.dividend is X


def test_what_does_not_divide_by_a_constant_stays() -> None:
    wide = CastExpr(LoadExpr(Block([TensorType((4,), I32)]).arguments[0], (0,), I32), F32)
    for whole in (
        S.apply("round", X),
        S.apply("floor", S.apply("div", X, Const(3.0, F32))),
        S.apply("add", divided(X, 3.0), wide),
        S.apply("add", divided(X, 3.0), Const(1000.0, F32)),
    ):
        assert "Quotient" not in repr(by_reciprocals(whole, BYTES))
    half = CastExpr(S.apply("div", S.cast(X, F16), Const(3.0, F16)), F32)
    assert "Quotient" not in repr(by_reciprocals(S.apply("round", half), BYTES))


def dividend_of(whole: Expr, limits: tuple[int, int]) -> Expr:
    found = by_reciprocals(whole, limits)
    while not isinstance(found, Quotient):
        assert isinstance(found, Apply)
        found = found.operands[0]
    return found.dividend


@pytest.mark.parametrize(
    ("low", "high", "limits", "kept"),
    [
        (0.0, 6.0, (-128, 127), ["max"]),  # 6 is beyond 127 steps of 0.0356
        (0.0, 4.0, (-128, 127), ["max", "min"]),
        (0.0, 4.0, (0, 255), ["max", "min"]),  # the bound that comes last is needed
        (0.0, 9.5, (0, 255), []),
        (-4.55, 4.51, (-128, 127), []),  # each rounds to the end of the range itself
        (-4.53, 4.50, (-128, 127), ["max", "min"]),
    ],
)
def test_bounds_beyond_the_range_are_not_computed(
    low: float, high: float, limits: tuple[int, int], kept: list[str]
) -> None:
    clipped = S.apply("min", S.apply("max", X, Const(low, F32)), Const(high, F32))
    found, functions = dividend_of(divided(clipped, 0.0356088), limits), []
    while isinstance(found, Apply):
        functions.insert(0, found.function)
        found = found.operands[0]
    assert found is X and functions == kept
    x = np.linspace(-12, 12, 5000, dtype=np.float32)
    x[:3] = np.inf, -np.inf, np.nan
    y = np.float32(0.0356088)
    want = np.rint(np.clip(x, np.float32(low), np.float32(high)) / y).clip(*limits)
    ends = [(low if "max" in kept else -np.inf), (high if "min" in kept else np.inf)]
    np.testing.assert_array_equal(np.rint(np.clip(x, *np.float32(ends)) / y).clip(*limits), want)


def test_bounds_count_from_the_zero_point() -> None:
    relu = S.apply("max", X, Const(0.0, F32))
    for zero, limits, plain in ((128.0, (0, 255), False), (-128.0, (-128, 127), True), (0.0, (0, 255), True)):
        moved = S.apply("add", divided(relu, 0.0356088), Const(zero, F32))
        assert (dividend_of(moved, limits) is X) == plain
    moved = S.apply("add", divided(relu, 0.0356088), CastExpr(BYTE, F32))
    assert dividend_of(moved, (0, 255)) is relu
