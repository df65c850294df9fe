"""A slow, plain evaluator of scalar expressions: one element at a time, one function after another.

Every function's result is rounded to its element type. A load outside its tensor is an error, so
that missing guards show.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from ..dialects.core.affine import Dim, symbol
from ..dialects.core.affine_traversal import evaluate
from ..dialects.core.dtypes import F8E8M0, I32, DType
from ..dialects.core.expr import (
    Apply,
    BitCastExpr,
    CastExpr,
    Const,
    Expr,
    IndexValue,
    Inside,
    LetIndex,
    LoadExpr,
    ReduceExpr,
    Scalars,
    Select,
)
from ..dialects.core.ir import Value
from ..dialects.graph.base import GraphOp

Array = np.ndarray[Any, Any]
Number = float | int | bool
Names = Mapping[str, int]


class OutsideError(IndexError):
    """A load reads beyond its tensor."""


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


# ---------------------------------------------------------------- expressions


class ScalarInterpreter:
    """Evaluates expressions that read ARRAYS, under the values of the model's symbols."""

    def __init__(self, arrays: Mapping[Value, Array], symbols: Names) -> None:
        self._arrays = arrays
        self._symbols = dict(symbols)

    def value(self, expr: Expr, names: Names) -> Number:
        """The number that EXPR is; NAMES gives the index variables."""
        match expr:
            case Const():
                return stored(expr.value, expr.dtype)
            case LoadExpr():
                return self._load(expr, names)
            case CastExpr():
                return cast(self.value(expr.operand, names), expr.operand.dtype, expr.dtype)
            case BitCastExpr():
                bits = np.array(self.value(expr.operand, names), expr.operand.dtype.numpy)
                found = bits.view(expr.dtype.numpy)
                return float(found) if expr.dtype.is_float else found.item()
            case Apply():
                operands = [self.value(operand, names) for operand in expr.operands]
                return stored(apply(expr.function, operands, expr.operands[0].dtype), expr.dtype)
            case Select():
                holds = self.value(expr.condition, names)
                return self.value(expr.chosen if holds else expr.other, names)
            case IndexValue():
                return self._dim(expr.dim, names)
            case Inside():
                low, dim, high = (self._dim(dim, names) for dim in (expr.low, expr.dim, expr.high))
                return low <= dim < high
            case ReduceExpr():
                return self._reduce(expr, names)
            case LetIndex():
                return self.value(expr.body, {**names, expr.name: int(self.value(expr.value, names))})
        raise TypeError(f"no value for {type(expr).__name__}")

    def _dim(self, dim: Dim, names: Names) -> int:
        return dim if isinstance(dim, int) else evaluate(dim, {**self._symbols, **names})

    def _load(self, load: LoadExpr, names: Names) -> Number:
        array = self._arrays[load.source]
        place = tuple(self._dim(dim, names) for dim in load.index)
        if len(place) != array.ndim or any(not 0 <= i < n for i, n in zip(place, array.shape, strict=True)):
            raise OutsideError(f"element {place} of a tensor of shape {array.shape}")
        item = array[place]
        return float(item) if load.dtype.is_float else item.item()

    def _reduce(self, reduce: ReduceExpr, names: Names) -> Number:
        extents = [self._dim(extent, names) for _, extent in reduce.variables]
        variables = [name for name, _ in reduce.variables]
        elements = [
            self.value(reduce.body, {**names, **dict(zip(variables, place, strict=True))})
            for place in np.ndindex(*[max(extent, 0) for extent in extents])
        ]
        return reduced(reduce.kind, elements, reduce.body.dtype, signed_zero=reduce.signed_zero)


def reduced(kind: str, elements: Sequence[Number], dtype: DType, *, signed_zero: bool = False) -> Number:
    """ELEMENTS in order, each partial result rounded to DTYPE."""
    if kind.startswith("arg"):
        return _extreme_position(elements, operator.gt if kind == "argmax" else operator.lt)
    if kind in ("any", "all"):
        return any(elements) if kind == "any" else all(elements)
    function = {"sum": "add", "prod": "mul"}.get(kind, kind)
    total = -0.0 if signed_zero and dtype.is_float else _initial(kind, dtype)
    for element in elements:
        total = stored(apply(function, [total, element], dtype), dtype)
    return total


def _initial(kind: str, dtype: DType) -> Number:
    if kind in ("sum", "prod"):
        return 0 if kind == "sum" else 1
    if dtype.is_float:
        return -math.inf if kind == "max" else math.inf
    limits = np.iinfo(dtype.numpy)
    return int(limits.min if kind == "max" else limits.max)


def _extreme_position(elements: Sequence[Number], better: Callable[[Number, Number], bool]) -> int:
    """The first of the extremes; NaN beats every number."""
    best = 0
    for position, element in enumerate(elements):
        if elements[best] == elements[best] and (element != element or better(element, elements[best])):
            best = position
    return best


def define_array(op: GraphOp, arrays: Sequence[Array | None], symbols: Names | None = None) -> Array:
    """The result of OP on ARRAYS (None for absent operands), element by element from its definition."""
    index = tuple(symbol(f"_i{axis}") for axis in range(op.result.type.rank))
    expr = op.define(Scalars(), index)
    given = {v: a for v, a in zip(op.operands, arrays, strict=True) if v is not None and a is not None}
    if expr.dtype != op.result.type.dtype:
        raise TypeError(f"{op.name} defines {expr.dtype} elements of a {op.result.type.dtype} result")
    known = dict(symbols or {})
    interpreter = ScalarInterpreter(given, known)
    result = np.empty([evaluate(size, known) for size in op.result.type.shape], expr.dtype.numpy)
    with np.errstate(all="ignore"):
        for place in np.ndindex(*result.shape):
            names = {f"_i{axis}": i for axis, i in enumerate(place)}
            result[place] = interpreter.value(expr, names)
    return result
