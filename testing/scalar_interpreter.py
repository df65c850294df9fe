"""A slow, plain evaluator of scalar expressions: one element at a time, one function after another.

Every function's result is rounded to its element type. A load outside its tensor is an error, so
that missing guards show.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..dialects.core.affine import Dim, symbol
from ..dialects.core.affine_traversal import evaluate
from ..dialects.core.dtypes import DType
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
from .scalar_functions import Number, apply, cast, stored

Array = np.ndarray[Any, Any]
Names = Mapping[str, int]


class OutsideError(IndexError):
    """A load reads beyond its tensor."""


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
