"""Conversions with a vectorized form, and those that only look like them."""

from __future__ import annotations

import pytest
from glassrt.codegen.emit.narrow_types import Narrowing, narrowing, widened_at_once
from glassrt.codegen.emit.quotients import Quotient
from glassrt.dialects.core.dtypes import F8E4M3, F16, F32, I8, I32, U8, DType
from glassrt.dialects.core.expr import Apply, CastExpr, Const, Expr, LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType

S = Scalars()
X = LoadExpr(Block([TensorType((4,), F32)]).arguments[0], (0,), F32)
ROUNDED = S.apply("round", X)


def test_a_rounded_number_becomes_a_byte_at_once() -> None:
    assert narrowing(CastExpr(ROUNDED, I8)) == Narrowing(X, I8, rounds=True)
    whole = S.apply("min", S.apply("add", ROUNDED, Const(3.0, F32)), Const(127.0, F32))
    found = narrowing(CastExpr(whole, U8))
    assert found is not None and found.operand is whole and found.rounds
    integer = S.apply("floor", X)
    assert narrowing(CastExpr(integer, I8)) == Narrowing(integer, I8, rounds=True)
    assert narrowing(CastExpr(S.cast(Const(1, I32), F32), I8)) is not None


def dividend_of(quotient: Expr) -> Expr:
    if isinstance(quotient, Quotient):
        return quotient.dividend
    assert isinstance(quotient, Apply) and quotient.function == "div"
    return quotient.operands[0]


def test_a_vector_of_bytes_is_bounded_at_zero_once_it_is_rounded() -> None:
    relu = S.apply("max", X, Const(0.0, F32))
    for divisor in (0.25, 0.3):
        narrow = narrowing(CastExpr(S.apply("round", S.apply("div", relu, Const(divisor, F32))), I8))
        assert narrow is not None and not narrow.above_zero
        found = narrow.of_vectors
        assert found.above_zero and found.of_all("a") == "nearest_above_zero_all<i8>(a)"
        assert dividend_of(found.operand) is X


def test_other_bounds_stay() -> None:
    zero, scale = Const(0.0, F32), Const(0.25, F32)
    bounded = (S.apply("max", X, Const(1.0, F32)), S.apply("min", X, zero), S.apply("max", zero, X), X)
    kept = [S.apply("div", value, scale) for value in bounded]
    kept.append(S.apply("div", S.apply("max", X, zero), Const(-0.25, F32)))
    kept.append(S.apply("div", S.apply("max", X, zero), X))
    for quotient in kept:
        narrow = narrowing(CastExpr(S.apply("round", quotient), I8))
        assert narrow is not None and narrow.of_vectors is narrow
    assert Narrowing(X, F8E4M3).of_vectors == Narrowing(X, F8E4M3)


def test_what_truncates_is_none() -> None:
    for operand in (X, S.apply("add", ROUNDED, Const(0.5, F32)), S.apply("mul", ROUNDED, ROUNDED)):
        assert narrowing(CastExpr(operand, I8)) is None
    assert narrowing(CastExpr(ROUNDED, I32)) is None and narrowing(ROUNDED) is None
    assert narrowing(CastExpr(S.cast(X, F16), I8)) is None


def test_small_floats_round_by_themselves() -> None:
    found = narrowing(CastExpr(X, F8E4M3))
    assert found == Narrowing(X, F8E4M3)
    assert found.of_one("a") == "convert<f8e4m3>(a)" and found.of_all("a") == "convert_all<f8e4m3>(a)"
    rounds = Narrowing(X, I8, rounds=True)
    assert rounds.of_one("a") == "nearest<i8>(a)" and rounds.of_all("a") == "nearest_all<i8>(a)"
    assert Narrowing(X, F32).of_all("a") == "a"


@pytest.mark.parametrize("to", [I8, F8E4M3])
@pytest.mark.parametrize("step", [0.03, 0.25, 2.0**-13])
def test_functions_are_short_where_they_are_exact_enough_for_eight_bits(to: DType, step: float) -> None:
    quotient = S.apply("div", S.apply("sigmoid", X), Const(step, F32))
    found = narrowing(CastExpr(S.apply("round", quotient) if to == I8 else quotient, to))
    assert found is not None and isinstance(found.operand, Quotient | Apply)
    divided = found.operand.dividend if isinstance(found.operand, Quotient) else found.operand.operands[0]
    assert isinstance(divided, Apply)
    assert divided.function == ("short_sigmoid" if step > 2.0**-12 else "sigmoid")


def test_loaded_bytes_are_widened_as_a_vector() -> None:
    byte = LoadExpr(Block([TensorType((4,), I8)]).arguments[0], (0,), I8)
    assert widened_at_once(CastExpr(byte, F32)) and not widened_at_once(CastExpr(byte, F16))
    assert not widened_at_once(CastExpr(X, F32)) and not widened_at_once(CastExpr(Const(1, I8), F32))
