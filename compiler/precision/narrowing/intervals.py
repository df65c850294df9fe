"""Interval arithmetic: bounds on the result of an elementwise op, from bounds on its operands."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from ....dialects.core.ir import Operation
from ....dialects.graph.activations import Relu, Softplus, Softsign
from ....dialects.graph.binary import Add, Div, Max, Min, Mod, Mul, Sub
from ....dialects.graph.trigonometric import Acos, Asin, Atan, Cos, Sin, Tanh
from ....dialects.graph.unary import Abs, Ceil, Erf, Exp, Floor, Log, Neg, Round, Sigmoid, Sign, Sqrt
from .facts import UNBOUNDED

Interval = tuple[float, float]
EVERYTHING: Interval = (-UNBOUNDED, UNBOUNDED)

# The bounds of results that do not depend on operands.
BOUNDED: Mapping[type[Operation], Interval] = {
    Sin: (-1, 1), Cos: (-1, 1), Tanh: (-1, 1), Erf: (-1, 1), Sigmoid: (0, 1), Softsign: (-1, 1),
    Sign: (-1, 1), Asin: (-math.pi / 2, math.pi / 2), Acos: (0, math.pi), Atan: (-math.pi / 2, math.pi / 2),
}  # fmt: skip


def _extremes(numbers: list[float]) -> Interval:
    return min(numbers), max(numbers)


def _product(a: float, b: float) -> float:
    """The product of two bounds, where infinity times 0 is 0."""
    return 0.0 if a == 0 or b == 0 else a * b


def _mul(a: Interval, b: Interval) -> Interval:
    return _extremes([_product(x, y) for x in a for y in b])


def _quotient(a: float, b: float) -> float:
    """The quotient of two bounds; 0 for two infinite ones, where the other quotients give the bounds."""
    return 0.0 if math.isinf(a) and math.isinf(b) else a / b


def _div(a: Interval, b: Interval) -> Interval:
    """Division itself, because reciprocals of subnormal divisors are infinite."""
    return EVERYTHING if b[0] <= 0 <= b[1] else _extremes([_quotient(x, y) for x in a for y in b])


def _mod(a: Interval, b: Interval) -> Interval:
    """A remainder has the sign of the divisor (Mod) or of the dividend (fmod)."""
    most = max(abs(b[0]), abs(b[1]))
    return (-most if min(a[0], b[0]) < 0 else 0.0), most


def _abs(a: Interval) -> Interval:
    return (0.0 if a[0] <= 0 <= a[1] else min(abs(a[0]), abs(a[1]))), max(abs(a[0]), abs(a[1]))


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else UNBOUNDED


def _log(x: float) -> float:
    return -UNBOUNDED if x <= 0 else math.log(x) if math.isfinite(x) else UNBOUNDED


def _sqrt(x: float) -> float:
    return math.sqrt(max(x, 0.0))


def _whole(number: float, rounded: Callable[[float], int]) -> float:
    return float(rounded(number)) if math.isfinite(number) else number


# Monotonic functions, which map bounds to bounds.
RISING: Mapping[type[Operation], Callable[[float], float]] = {
    Exp: _exp, Log: _log, Sqrt: _sqrt,
    Floor: lambda x: _whole(x, math.floor),
    Ceil: lambda x: _whole(x, math.ceil),
    Round: lambda x: _whole(x, round),
    Relu: lambda x: max(x, 0.0),
    Softplus: lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
}  # fmt: skip

UNARY: Mapping[type[Operation], Callable[[Interval], Interval]] = {
    Neg: lambda a: (-a[1], -a[0]),
    Abs: _abs,
}

BINARY: Mapping[type[Operation], Callable[[Interval, Interval], Interval]] = {
    Add: lambda a, b: (a[0] + b[0], a[1] + b[1]),
    Sub: lambda a, b: (a[0] - b[1], a[1] - b[0]),
    Mul: _mul,
    Div: _div,
    Mod: _mod,
    Min: lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    Max: lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
}


def numbers_of(op: Operation, operands: list[Interval]) -> Interval:
    """The interval of the elementwise OP's results, for operands within the intervals OPERANDS."""
    kind = type(op)
    if kind in BOUNDED:
        return BOUNDED[kind]
    if kind in RISING and len(operands) == 1:
        low, high = operands[0]
        return RISING[kind](low), RISING[kind](high)
    if kind in UNARY:
        return UNARY[kind](operands[0])
    if kind in BINARY and len(operands) == 2:
        low, high = BINARY[kind](*operands)
        # Integer division rounds.
        whole = not op.result.type.dtype.is_float
        return (_whole(low, math.floor), _whole(high, math.ceil)) if whole else (low, high)
    return EVERYTHING
