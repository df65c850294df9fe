"""Conversions to 8-bit floats as formulas: without saturation, and to powers of two by any rounding."""

from __future__ import annotations

from ..core.dtypes import F8E4M3, F8E5M2, F8E8M0, F64, I64, U8, DType
from .formula import Term

ROUND_MODES = ("up", "down", "nearest")
FRACTION, BIAS = 52, 1023  # of f64
LEAST_POWER, MOST_CODE, NAN_CODE = -127, 254, 255


def overflowing(x: Term, to: DType) -> Term:
    """X in f32 as TO, one of FLOATS8; what rounds beyond the largest number is infinite, or else NaN."""
    size = x.call("abs")
    beyond = size > 464.0 if to == F8E4M3 else size.call("ge", 248.0 if "e4m3" in to.name else 61440.0)
    narrow = x.cast(to)
    if to != F8E5M2:
        return beyond.choose(narrow.term(float("nan")), narrow)
    infinite = (x < 0).choose(narrow.term(float("-inf")), narrow.term(float("inf")))
    return beyond.choose(infinite, narrow)


def power_of_two(x: Term, saturate: bool, round_mode: str) -> Term:
    """X in f32 as f8e8m0, by its exponent in f64, in which no number of f32 is subnormal.

    A carry out of the fraction raises the exponent. Negative numbers have negative bits.
    """
    carry = {"up": (1 << FRACTION) - 1, "down": 0, "nearest": 1 << (FRACTION - 1)}[round_mode]
    bits = Term(x.scalars, x.scalars.bit_cast(x.cast(F64).expr, I64))
    code = (bits + carry).call("shr", FRACTION) - (BIAS + LEAST_POWER)
    inside = code.call("max", 0).call("min", MOST_CODE)
    lost = x.call("isnan")
    if not saturate:
        lost = lost.call("or", inside.call("eq", code).call("not"))
    chosen = lost.choose(inside.term(NAN_CODE), inside).cast(U8)
    return Term(x.scalars, x.scalars.bit_cast(chosen.expr, F8E8M0))
