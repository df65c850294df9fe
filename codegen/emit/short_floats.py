"""Recognizes arithmetic whose result is rounded to f16: it may be done in f16 itself, or in a shorter way.

See `templates/include/short.cuh`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...dialects.core.dtypes import F16, F32
from ...dialects.core.expr import Apply, CastExpr, Const, Expr
from .sections import Section, SectionTerm

if TYPE_CHECKING:
    from .emitter import Emitter

SHORT_SIGMOID, SHORT_GELU = "short_sigmoid", "short_gelu"
SHORTER = {"sigmoid": SHORT_SIGMOID, "tanh": "short_tanh"}
# Computed in f32 and rounded to f16 these are what f16 arithmetic gives, since f32 has at least twice the
# digits of f16 and two more (Figueroa, When is double rounding innocuous?, 1995).
_SAME_IN_F16 = ("add", "sub", "mul")


@dataclass(frozen=True)
class InF16:
    """A function of two operands of f16, whose result in f16 is the same computed in f16 or in f32."""

    function: str
    operands: tuple[Expr, Expr]


def in_f16(expr: Expr) -> InF16 | None:
    """EXPR, of type f16, as a function that gives the same in f16; None when it is none."""
    if isinstance(expr, CastExpr) and expr.dtype == F16 and expr.operand.dtype == F32:
        apply = expr.operand
        if not isinstance(apply, Apply) or apply.function not in _SAME_IN_F16:
            return None
        first, second = (_narrow(operand) for operand in apply.operands)
        return None if first is None or second is None else InF16(apply.function, (first, second))
    if isinstance(expr, Apply) and expr.dtype == F16 and expr.function in _SAME_IN_F16:
        return InF16(expr.function, (expr.operands[0], expr.operands[1]))
    return None


def _narrow(expr: Expr) -> Expr | None:
    """The f16 that EXPR, an f32, was converted from."""
    return expr.operand if isinstance(expr, CastExpr) and expr.operand.dtype == F16 else None


def shortened(expr: Expr) -> Expr:
    """EXPR, an f32 that is rounded to f16, with functions that are exact enough for that.

    They reach the result through products, which keep a relative error as it is, and through sums with what
    has been rounded to f16 before: the error of that is 2^7 times as large, however much of it is cancelled.
    """
    if not isinstance(expr, Apply) or expr.dtype != F32:
        return expr
    if expr.function in SHORTER:
        return Apply(SHORTER[expr.function], expr.operands, F32)
    gelu = _gelu(expr)
    if gelu is not None:
        return gelu
    if expr.function == "mul" or (expr.function == "add" and any(map(_narrow, expr.operands))):
        operands = tuple(map(shortened, expr.operands))
        if any(new is not old for new, old in zip(operands, expr.operands, strict=True)):
            return Apply(expr.function, operands, F32)
    return expr


def _gelu(expr: Apply) -> Apply | None:
    """EXPR in a short form where it is x / 2 (1 + erf(x / sqrt(2))), or x / 2 (1 + tanh(u)): 1 + tanh(u) is
    twice the logistic function of 2 u, which does not cancel."""
    if expr.function != "mul":
        return None
    x, half = _with_constant("mul", expr.operands[0])
    inner, one = _with_constant("add", expr.operands[1])
    if not isinstance(inner, Apply) or (half, one) != (0.5, 1.0):
        return None
    argument = inner.operands[0]
    if inner.function == "tanh":
        twice = Apply("mul", (argument, Const(2.0, F32)), F32)
        return Apply("mul", (x, Apply(SHORT_SIGMOID, (twice,), F32)), F32)
    base, scale = _with_constant("mul", argument)
    normal = inner.function == "erf" and base is x and math.isclose(scale, math.sqrt(0.5), rel_tol=2.0**-22)
    return Apply(SHORT_GELU, (x,), F32) if normal else None


def _with_constant(function: str, expr: Expr) -> tuple[Expr, float]:
    """The operands of EXPR where it is FUNCTION of something and a number; else EXPR and NaN."""
    if isinstance(expr, Apply) and expr.function == function and isinstance(expr.operands[1], Const):
        return expr.operands[0], float(expr.operands[1].value)
    return expr, math.nan


def packed_in_f16(emitter: Emitter, expr: Expr, section: Section) -> SectionTerm | None:
    """EXPR computed for all lanes at once, two in a word; None where that could give other bits, or where its
    operands are no vectors."""
    found = in_f16(expr) if emitter.lanes.count > 1 else None
    if found is None:
        return None
    first, second = (emitter.lower(operand, section) for operand in found.operands)
    if first.vector is None or second.vector is None:
        return None
    name = emitter.fresh(f"{found.function}_")
    text = f"{found.function}_all({first.vector}, {second.vector})"
    section.write(f"const Vec<f16, {emitter.lanes.count}> {name} = {text};", varying=False)
    return SectionTerm.lane_of(name)
