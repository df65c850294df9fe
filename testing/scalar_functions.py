"""Functions of scalars in plain Python, rounding and casts: what the scalar language means, without numpy's
vector code."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from ..dialects.core.dtypes import F8E8M0, I32, DType

Number = float | int | bool


def stored(value: Number, dtype: DType) -> Number:
    """VALUE rounded or wrapped to DTYPE, as a Python number."""
    if dtype.kind == "bool":
        return bool(value)
    if dtype == F8E8M0:
        return _power_of_two(float(value))
    if dtype.is_float:
        with np.errstate(all="ignore"):
            return float(np.float64(value).astype(dtype.numpy))
    wrapped = int(value) % (1 << dtype.bits)
    return wrapped - (1 << dtype.bits) if dtype.kind == "signed" and wrapped >> (dtype.bits - 1) else wrapped


def cast(value: Number, source: DType, target: DType) -> Number:
    """The cast of the scalar language (ONNX Cast)."""
    if target.kind == "bool":
        return value != 0
    if source.is_float and target.is_integer:
        least, most = map(int, (I32 if target.bits < 8 else target).limits)
        if math.isnan(value):
            return 0
        bounded = min(max(value, float(least)), float(most))
        return stored(min(max(int(bounded), least), most), target)
    if target.is_float and target.bits <= 8 and target != F8E8M0:
        if math.isnan(value):
            return 0.0 if target.bits < 8 else math.nan
        largest = float(ml_dtypes.finfo(target.numpy).max)
        return stored(min(max(float(value), -largest), largest), target)
    return stored(value, target)


def _power_of_two(value: float) -> float:
    """The least power of two of f8e8m0 that is not below VALUE, its largest beyond them; f32 is between."""
    single = float(np.float32(value))
    if math.isnan(single):
        return single
    return next((2.0**power for power in range(-127, 127) if 2.0**power >= single), 2.0**127)


# ---------------------------------------------------------------- functions


def _sign(x: Number) -> Number:
    return x if x != x else 0.0 if x == 0 else math.copysign(1, x)


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(np.float64(-x)))) if x > 0 else float(np.exp(x) / (1 + np.exp(x)))


def _smaller(x: Number, y: Number) -> Number:
    if x == y:
        return x if math.copysign(1, x) < 0 else y
    return x if x != x or x < y else y


def _larger(x: Number, y: Number) -> Number:
    if x == y:
        return y if math.copysign(1, x) < 0 else x
    return x if x != x or x > y else y


def _integer_div(x: int, y: int) -> int:
    return 0 if y == 0 else abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


def _integer_pow(x: int, y: int) -> int:
    if y >= 0:
        return pow(x, y, 1 << 128) if x >= 0 else (-1) ** y * pow(-x, y, 1 << 128)
    return x ** (-y % 2) if abs(x) == 1 else 0


def _divided(x: float, y: float) -> float:
    return float(np.float64(x) / np.float64(y))


# Named as numpy names them, where it is not the name of the scalar language.
_NUMPY_NAMES = {
    "round": "rint",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
}
_FLOAT: dict[str, Callable[..., Any]] = {
    "neg": operator.neg,
    "abs": abs,
    "sign": _sign,
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "rsqrt": lambda x: _divided(1, np.sqrt(x)),
    "reciprocal": lambda x: _divided(1, x),
    "erf": math.erf,
    "sigmoid": _sigmoid,
    "isnan": math.isnan,
    "isinf": math.isinf,
    "isposinf": lambda x: x == math.inf,
    "isneginf": lambda x: x == -math.inf,
    "div": _divided,
    "mod": lambda x, y: float(np.mod(np.float64(x), np.float64(y))),
    "fmod": lambda x, y: float(np.fmod(np.float64(x), np.float64(y))),
    "pow": lambda x, y: float(np.power([np.float64(x)], [np.float64(y)])[0]),
}
_INTEGER: dict[str, Callable[..., Any]] = {
    "neg": operator.neg,
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "bitnot": operator.invert,
    "div": _integer_div,
    "mod": lambda x, y: x % y if y else 0,
    "fmod": lambda x, y: x - y * _integer_div(x, y) if y else 0,
    "pow": _integer_pow,
    "bitand": operator.and_,
    "bitor": operator.or_,
    "bitxor": operator.xor,
}
_BOTH: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "min": _smaller,
    "max": _larger,
    "eq": operator.eq,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_LOGIC: dict[str, Callable[..., Any]] = {
    "not": operator.not_,
    "and": lambda x, y: x and y,
    "or": lambda x, y: x or y,
    "xor": operator.ne,
    "eq": operator.eq,
}


def apply(function: str, operands: Sequence[Number], dtype: DType) -> Number:
    """FUNCTION of OPERANDS, whose type is DTYPE, unrounded."""
    if dtype.kind == "bool":
        return bool(_LOGIC[function](*operands))
    if function in ("shl", "shr"):
        x, count = (int(operand) for operand in operands)
        if not 0 <= count < dtype.bits:
            return -1 if function == "shr" and x < 0 else 0
        return x << count if function == "shl" else x >> count
    table = _FLOAT if dtype.is_float else _INTEGER
    chosen = table.get(function) or _BOTH.get(function)
    if chosen is None:
        wide = np.float64(operands[0])
        return float(getattr(np, _NUMPY_NAMES.get(function, function))(wide))
    return chosen(*operands)  # type: ignore[no-any-return]
