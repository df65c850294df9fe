"""Reductions over axes: sums, extremes and their positions, running sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, product
from ..core.attributes import BOOL as FLAG
from ..core.attributes import INT, INTS, EnumKind
from ..core.constraints import Need
from ..core.diagnostics import op_error
from ..core.dtypes import BOOL, I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.ir import Operation
from ..core.op import attribute, define_op, operand, result
from ..core.traits import Trait
from ..core.types import TensorType
from .base import GraphOp
from .elementwise_base import NUMBER, TRUTH, check_kind
from .formula import Term, load
from .numeric import Array, converted, divide, widened

LOGICAL = ("any", "all")


def front_axis(op: Operation, axis: int, rank: int) -> int:
    """AXIS; a located error unless it counts from the front and is inside the rank."""
    if not 0 <= axis < rank:
        hint = "count the axis from the front" if axis < 0 else None
        raise op_error(op, f"axis {axis} is not one of the {rank} dimensions", hint)
    return axis


def without_axes(shape: Sequence[Dim], axes: Sequence[int], keepdims: bool) -> tuple[Dim, ...]:
    """SHAPE after a reduction over AXES."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def reduced_index(index: Index, axes: Sequence[int], inner: Sequence[Dim], keepdims: bool) -> tuple[Dim, ...]:
    """Where in the operand of a reduction the loop variables INNER (one per axis) and INDEX lie."""
    if keepdims:
        index = tuple(i for axis, i in enumerate(index) if axis not in axes)
    outer, reduced = iter(index), dict(zip(axes, inner, strict=True))
    rank = len(index) + len(axes)
    return tuple(reduced[axis] if axis in reduced else next(outer) for axis in range(rank))


def sum_dtype(array: Array) -> Any:
    """What numpy adds ARRAY up in: f64 for floats, integers wrap in their own type."""
    return np.float64 if array.dtype.kind == "f" else array.dtype


def lowest(dtype: np.dtype[Any]) -> Any:
    """What the maximum of nothing is: -inf, or the least integer."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def highest(dtype: np.dtype[Any]) -> Any:
    """What the minimum of nothing is: inf, or the greatest integer."""
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


@define_op(Trait.REDUCTION)
class Reduce(GraphOp):
    """Reduces AXES (sorted, from the front): ONNX ReduceSum, ReduceMean, ReduceProd, ReduceMax and
    ReduceMin, the global pools, and any/all of truth values.

    An integer mean truncates toward zero. NaN is the extreme of whatever holds one. Nothing sums up
    to 0, multiplies to 1, and has the type's bounds as its extremes.
    """

    name = "graph.reduce"
    x = operand()
    kind = attribute(EnumKind(("sum", "mean", "prod", "max", "min", *LOGICAL)))
    axes = attribute(INTS)
    keepdims = attribute(FLAG, True)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.x, TRUTH if self.kind in LOGICAL else NUMBER)
        for axis in self.axes:
            front_axis(self, axis, self.x.type.rank)
        if list(self.axes) != sorted(set(self.axes)):
            raise op_error(self, f"the axes {list(self.axes)} must be in ascending order, each once")
        return [self.x.type.with_shape(without_axes(self.x.type.shape, self.axes, self.keepdims))]

    @property
    def count(self) -> Dim:
        """How many elements make up one of the result."""
        return product(self.x.type.shape[axis] for axis in self.axes)

    def evaluate(self, evaluation: Evaluation, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return converted(self._reduced(widened(x)), self.y.type.dtype)

    def _reduced(self, x: Array) -> Any:
        axes, keep = tuple(self.axes), bool(self.keepdims)
        match self.kind:
            case "sum":
                return np.sum(x, axes, sum_dtype(x), keepdims=keep)
            case "mean":
                total = np.sum(x, axes, sum_dtype(x), keepdims=keep)
                count = np.prod([x.shape[axis] for axis in axes], dtype=np.int64)
                return divide(np.asarray(total), np.asarray(count).astype(total.dtype))
            case "prod":
                return np.prod(x, axes, sum_dtype(x), keepdims=keep)
            case "max":
                return np.max(x, axes, keepdims=keep, initial=lowest(x.dtype))
            case "min":
                return np.min(x, axes, keepdims=keep, initial=highest(x.dtype))
            case "any":
                return np.any(x, axes, keepdims=keep)
        return np.all(x, axes, keepdims=keep)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        def body(inner: tuple[Dim, ...]) -> Expr:
            place = reduced_index(index, self.axes, inner, self.keepdims)
            return load(scalars, self.x, place).expr

        extents = [self.x.type.shape[axis] for axis in self.axes]
        total = Term(scalars, scalars.reduce("sum" if self.kind == "mean" else self.kind, extents, body))
        if self.kind == "mean":
            total = total / Term(scalars, scalars.index_value(self.count, total.dtype))
        return total.cast(self.y.type.dtype).expr

    def flops(self) -> Dim:
        return 0 if self.x.type.dtype == BOOL else self.x.type.elements


@define_op(Trait.REDUCTION)
class ArgReduce(GraphOp):
    """The position of the extreme along an axis, as i64: the first one, or the last one with
    `select_last` (ONNX ArgMax, ArgMin). NaN is the extreme of whatever holds one."""

    name = "graph.arg_reduce"
    x = operand()
    kind = attribute(EnumKind(("max", "min")))
    axis = attribute(INT)
    keepdims = attribute(FLAG, True)
    select_last = attribute(FLAG, False)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.x, NUMBER)
        shape = self.x.type.shape
        axis = front_axis(self, self.axis, len(shape))
        if shape[axis] == 0:
            raise op_error(self, f"axis {axis} is empty and has no extreme")
        return [TensorType(without_axes(shape, [axis], self.keepdims), I64)]

    def needs(self) -> Iterable[Need]:
        yield Need(self.x.type.shape[self.axis], 1, f"there is an extreme in axis {self.axis}")

    def evaluate(self, evaluation: Evaluation, x: Array) -> Array:
        wide = widened(x)
        find = np.argmax if self.kind == "max" else np.argmin
        if not self.select_last:
            return np.asarray(find(wide, self.axis, keepdims=bool(self.keepdims)))
        backward = find(np.flip(wide, self.axis), self.axis, keepdims=bool(self.keepdims))
        return np.asarray(wide.shape[self.axis] - 1 - backward)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        last = self.x.type.shape[self.axis] - 1

        def body(inner: tuple[Dim, ...]) -> Expr:
            at = [last - inner[0]] if self.select_last else inner
            return load(scalars, self.x, reduced_index(index, [self.axis], at, self.keepdims)).expr

        first = scalars.reduce(f"arg{self.kind}", [last + 1], body)
        return scalars.apply("sub", scalars.index_value(last), first) if self.select_last else first

    def flops(self) -> Dim:
        return self.x.type.elements


@define_op(Trait.REDUCTION)
class Cumsum(GraphOp):
    """The sum of what comes up to each element along an axis, itself left out when `exclusive`, from
    the end when `reverse` (ONNX CumSum)."""

    name = "graph.cumsum"
    x = operand()
    axis = attribute(INT)
    exclusive = attribute(FLAG, False)
    reverse = attribute(FLAG, False)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.x, NUMBER)
        front_axis(self, self.axis, self.x.type.rank)
        return [self.x.type]

    def evaluate(self, evaluation: Evaluation, x: Array) -> Array:
        wide = widened(x)
        with np.errstate(all="ignore"):
            ordered = np.moveaxis(np.flip(wide, self.axis) if self.reverse else wide, self.axis, -1)
            sums = np.zeros((*ordered.shape[:-1], ordered.shape[-1] + 1), sum_dtype(wide))
            np.cumsum(ordered, -1, sums.dtype, out=sums[..., 1:])
            kept = np.moveaxis(sums[..., :-1] if self.exclusive else sums[..., 1:], -1, self.axis)
            return converted(np.flip(kept, self.axis) if self.reverse else kept, self.y.type.dtype)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        here, size = index[self.axis], self.x.type.shape[self.axis]
        skipped = int(self.exclusive)
        start: Dim = here + skipped if self.reverse else 0
        extent: Dim = size - here - skipped if self.reverse else here + 1 - skipped

        def body(inner: tuple[Dim, ...]) -> Expr:
            place = (*index[: self.axis], start + inner[0], *index[self.axis + 1 :])
            return load(scalars, self.x, place).expr

        return scalars.cast(scalars.reduce("sum", [extent], body), self.y.type.dtype)

    def flops(self) -> Dim:
        return self.x.type.elements


OPS: tuple[type[Operation], ...] = (Reduce, ArgReduce, Cumsum)
