"""Recognizes conversions to and from 8-bit types, which have vectorized forms.

See `templates/include/quantize.cuh`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...dialects.core.dtypes import EIGHT_BIT_FLOATS, F32, I8, U8, DType
from ...dialects.core.expr import Apply, CastExpr, Const, Expr, LoadExpr
from ..text.literals import c_type
from .quotients import Quotient, by_reciprocals, to_be_rounded, without_bound_at_zero
from .short_floats import shortened

BYTES = (I8, U8)
_KEEPS_WHOLE = ("add", "sub", "min", "max", "neg", "abs")
LEAST_STEP = 2.0**-12  # of eight bits, for results of functions in a short form
_MAKES_WHOLE = ("round", "floor", "ceil", "trunc")


@dataclass(frozen=True)
class Narrowing:
    """A conversion of `operand` to the type `to`; with `rounds`, to the nearest integer, ties to even.

    above_zero: what is below zero becomes zero; of vectors only, since words of bytes are cheaper to bound
    than floats.
    """

    operand: Expr
    to: DType
    rounds: bool = False
    above_zero: bool = False

    def of_one(self, text: str) -> str:
        """The conversion of one element, TEXT, as C text."""
        return f"{'nearest' if self.rounds else 'convert'}<{c_type(self.to)}>({text})"

    def of_all(self, text: str) -> str:
        """The conversion of a vector, TEXT, as C text; TEXT itself when it has the type already."""
        if self.operand.dtype == self.to:
            return text
        if self.above_zero:
            return f"nearest_above_zero_all<{c_type(self.to)}>({text})"
        return f"{'nearest' if self.rounds else 'convert'}_all<{c_type(self.to)}>({text})"

    @property
    def of_vectors(self) -> Narrowing:
        """The same conversion, as vectors are converted: the bound at zero of a dividend is one of bytes."""
        if not self.rounds or self.to != I8:
            return self
        operand = without_bound_at_zero(self.operand)
        return self if operand is None else replace(self, operand=operand, above_zero=True)


def narrowing(expr: Expr) -> Narrowing | None:
    """EXPR as a conversion of f32 to an 8-bit type; None when it is not one, or when it truncates."""
    if not isinstance(expr, CastExpr) or expr.operand.dtype != F32:
        return None
    if expr.dtype in EIGHT_BIT_FLOATS:
        return Narrowing(_shortened(to_be_rounded(expr.operand, expr.dtype)), expr.dtype)
    if expr.dtype not in BYTES or not _is_whole(expr.operand):
        return None
    operand = by_reciprocals(expr.operand, expr.dtype.limits)
    if isinstance(operand, Apply) and operand.function == "round":
        operand = _shortened(operand.operands[0])
    return Narrowing(operand, expr.dtype, rounds=True)


def _shortened(quotient: Expr) -> Expr:
    """QUOTIENT, which is rounded to eight bits, with functions that are exact enough for f16 in its dividend.

    Their errors are within a 200th of a step of eight bits, unless a step is as small as what these functions
    leave of results that f16 cannot tell from zero.
    """
    if isinstance(quotient, Quotient) and quotient.divisor >= LEAST_STEP:
        dividend = shortened(quotient.dividend)
        return quotient if dividend is quotient.dividend else replace(quotient, dividend=dividend)
    if isinstance(quotient, Apply) and quotient.function == "div" and isinstance(quotient.operands[1], Const):
        dividend, step = shortened(quotient.operands[0]), quotient.operands[1]
        if dividend is not quotient.operands[0] and float(step.value) >= LEAST_STEP:
            return Apply("div", (dividend, step), quotient.dtype)
    return quotient


def _is_whole(expr: Expr) -> bool:
    """True when EXPR is always an integer, an infinity or NaN, so that rounding and truncation agree."""
    if isinstance(expr, Apply):
        return expr.function in _MAKES_WHOLE or (
            expr.function in _KEEPS_WHOLE and all(_is_whole(operand) for operand in expr.operands)
        )
    if isinstance(expr, Const):
        return float(expr.value).is_integer()
    return isinstance(expr, CastExpr) and expr.operand.dtype.is_integer


def widened_at_once(cast: CastExpr) -> bool:
    """True for a conversion of loaded 8-bit elements to f32, which is done for a whole vector at once."""
    return (
        isinstance(cast.operand, LoadExpr)
        and cast.operand.dtype in BYTES + EIGHT_BIT_FLOATS
        and cast.dtype == F32
    )
