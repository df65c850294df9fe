"""Divisions by a constant whose quotient is only rounded to eight bits: two multiplications instead.

An IEEE division takes a dozen instructions and a branch. With 1 / y as the sum of two floats, x / y is nearly
fma(x, high, x * low) (Brisebarre, Muller and Raina, "Accelerating correctly rounded floating-point division
when the divisor is known in advance"). Here it need not be the quotient to the last bit: it must be on the
same side of every edge between two results, of every half integer where these are integers. Both grow with x,
so that is proved by the few x beside each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ...dialects.core.dtypes import F32, I8, U8, DType
from ...dialects.core.expr import Apply, CastExpr, Const, Expr

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
MOST = 512  # the quotients that must be rounded alike; what is beyond is an end of the range of 8 bits
BESIDE = 4  # floats to either side of a half integer that are compared
NORMAL = 2.0**100  # divisors from its reciprocal up to it have reciprocals without subnormal parts


@dataclass(frozen=True, eq=False)
class Quotient(Expr):
    """`dividend` / `divisor`, for rounding to eight bits; high + low is the reciprocal."""

    dividend: Expr
    divisor: float
    high: float
    low: float
    dtype: DType = F32


def by_reciprocals(whole: Expr, limits: tuple[float, float]) -> Expr:
    """WHOLE, an integer that saturates to 8 bits, without divisions by a constant that are then rounded.

    It is a rounded number, or one and an offset of 8 bits. LIMITS are those of its type.
    """
    if not isinstance(whole, Apply):
        return whole
    if whole.function == "round":
        return Apply("round", (_without_clips(to_be_rounded(whole.operands[0]), limits),), whole.dtype)
    if whole.function in ("add", "sub") and _is_small(whole.operands[1]):
        inner, offset = whole.operands
        return Apply(whole.function, (by_reciprocals(inner, _before(whole, limits)), offset), whole.dtype)
    return whole


def _before(moved: Apply, limits: tuple[float, float]) -> tuple[float, float]:
    """The LIMITS of MOVED before its offset; infinite where that is not known."""
    offset = moved.operands[1]
    if not isinstance(offset, Const):
        return -np.inf, np.inf
    step = float(offset.value) if moved.function == "sub" else -float(offset.value)
    return limits[0] + step, limits[1] + step


def _without_clips(quotient: Expr, limits: tuple[float, float]) -> Expr:
    """QUOTIENT without bounds of its dividend that are beyond the LIMITS at which it saturates anyway."""
    while isinstance(quotient, Quotient) and isinstance(quotient.dividend, Apply) and quotient.divisor > 0:
        clip = quotient.dividend
        bound = clip.operands[-1]
        if clip.function not in ("min", "max") or not isinstance(bound, Const):
            return quotient
        end = np.rint(np.float32(bound.value) / np.float32(quotient.divisor))
        if not (end >= limits[1] if clip.function == "min" else end <= limits[0]):
            return quotient
        quotient = replace(quotient, dividend=clip.operands[0])
    return quotient


def without_bound_at_zero(quotient: Expr) -> Expr | None:
    """QUOTIENT, by a positive constant, of its dividend without its bound at zero; None without one.

    Rounded and then bounded it is the same, NaN too: that is zero as an integer.
    """
    if isinstance(quotient, Quotient):
        bounded = _unbounded(quotient.dividend)
        return replace(quotient, dividend=bounded) if bounded is not None and quotient.divisor > 0 else None
    if not isinstance(quotient, Apply) or quotient.function != "div":
        return None
    dividend, divisor = quotient.operands
    bounded = _unbounded(dividend)
    if bounded is None or not isinstance(divisor, Const) or not 0 < float(divisor.value) < np.inf:
        return None
    return Apply("div", (bounded, divisor), quotient.dtype)


def _unbounded(expr: Expr) -> Expr | None:
    """What EXPR bounds at zero from below; None if it does not."""
    if not isinstance(expr, Apply) or expr.function != "max" or len(expr.operands) != 2:
        return None
    inner, bound = expr.operands
    return inner if isinstance(bound, Const) and float(bound.value) == 0 else None


def _is_small(offset: Expr) -> bool:
    if isinstance(offset, Const):
        return abs(offset.value) <= MOST // 2
    return isinstance(offset, CastExpr) and offset.operand.dtype in (I8, U8)


def to_be_rounded(expr: Expr, to: DType = I8) -> Expr:
    """EXPR, which is rounded to TO, an 8-bit float or any integer within `MOST`, as a `Quotient` if it
    divides by a constant."""
    if not isinstance(expr, Apply) or expr.function != "div" or expr.dtype != F32:
        return expr
    dividend, divisor = expr.operands
    if not isinstance(divisor, Const):
        return expr
    parts = reciprocal(float(divisor.value), to)
    return expr if parts is None else Quotient(dividend, float(np.float32(divisor.value)), *parts)


@lru_cache(maxsize=1024)
def reciprocal(divisor: float, to: DType = I8) -> tuple[float, float] | None:
    """The parts (high, low) of 1 / DIVISOR by which quotients round to TO as those of a division; None if
    none do.

    Both have the sign of the divisor, so that infinity stays infinity. Powers of two have no lower part: the
    compiler multiplies by their reciprocals anyway. Where f64 cannot tell how a sum is rounded, a lower part
    beside the nearest one is taken.
    """
    y = np.float32(divisor)
    if not 1 / NORMAL <= abs(float(y)) <= NORMAL:
        return None
    exact = 1 / Fraction(float(y))
    high = np.float32(float(exact))
    if abs(Fraction(float(high))) > abs(exact):
        high = np.nextafter(high, np.float32(0))
    low = np.float32(float(exact - Fraction(float(high))))
    if low == 0:
        return None
    for part in (low, np.nextafter(low, np.float32(0)), np.nextafter(low, 2 * low)):
        if rounds_alike(y, high, part, to):
            return float(high), float(part)
    return None


@lru_cache
def edges(to: DType) -> Floats:
    """The numbers halfway between neighbours among those of TO, an 8-bit float, or among the integers within
    `MOST`."""
    if to.is_integer:
        return np.arange(-MOST, MOST, dtype=np.float32) + np.float32(0.5)
    numbers = np.arange(256, dtype=np.uint8).view(to.numpy).astype(np.float32)
    finite = np.unique(numbers[np.isfinite(numbers)])
    return ((finite[:-1] + finite[1:]) / 2).astype(np.float32)


def rounds_alike(y: np.float32, high: np.float32, low: np.float32, to: DType = I8) -> bool:
    """Whether fma(x, HIGH, x * LOW) rounds to TO as x / Y does for every x, integers as far as `MOST`."""
    halves = edges(to)
    x = halves * y
    for _ in range(BESIDE):
        x = np.nextafter(x, -np.inf, dtype=np.float32)
    for _ in range(2 * BESIDE + 1):
        fused = _fused(x, high, x * low)
        if fused is None or np.any(np.sign(fused - halves) != np.sign(x / y - halves)):
            return False
        x = np.nextafter(x, np.inf, dtype=np.float32)
    return True


def _fused(x: Floats, y: np.float32, z: Floats) -> Floats | None:
    """x * y + z, rounded once; None where f64 cannot tell how."""
    # The product is exact in f64. The sum is rounded there first, which matters only in the middle of two
    # neighbours in f32.
    wide = x.astype(np.float64) * float(y) + z
    found = wide.astype(np.float32)
    half = np.spacing(np.abs(found)).astype(np.float64) / 2
    return None if np.any(np.abs(wide - found) == half) else found
