"""Reductions over axes: sums, extremes and their positions, running sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.affine import Dim, product
from ..core.attributes import BOOL as FLAG
from ..core.attributes import INT, INTS, EnumKind
from ..core.constraints import Need
from ..core.diagnostics import op_error
from ..core.dtypes import BOOL, I64, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.ir import Operation
from ..core.op import attribute, define_op, operand, result
from ..core.parts import AttributeAt, OperandAt
from ..core.traits import Trait
from ..core.types import TensorType
from .base import GraphOp, axis_at
from .elementwise_base import NUMBER, TRUTH, check_kind
from .extremes import largest, smallest
from .formula import Term, load
from .numeric import Array, converted, divide, widened
from .sums import running, sum_dtype, total

LOGICAL = ("any", "all")


def front_axis(op: Operation, axis: int, rank: int) -> int:
    """AXIS; raises a located IRError unless it is in 0..RANK-1."""
    if not 0 <= axis < rank:
        hint = "count the axis from the front" if axis < 0 else None
        raise op_error(op, f"axis {axis} is not one of the {rank} dimensions", hint, at=axis_at(op))
    return axis


def without_axes(shape: Sequence[Dim], axes: Sequence[int], keepdims: bool) -> tuple[Dim, ...]:
    """The shape after a reduction of SHAPE over AXES."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def reduced_index(index: Index, axes: Sequence[int], inner: Sequence[Dim], keepdims: bool) -> tuple[Dim, ...]:
    """The operand's index for result index INDEX and loop variables INNER, one per reduced axis."""
    if keepdims:
        index = tuple(i for axis, i in enumerate(index) if axis not in axes)
    outer, reduced = iter(index), dict(zip(axes, inner, strict=True))
    rank = len(index) + len(axes)
    return tuple(reduced[axis] if axis in reduced else next(outer) for axis in range(rank))


@define_op(Trait.REDUCTION)
class Reduce(GraphOp):
    """A reduction over AXES (sorted, non-negative): ONNX ReduceSum, ReduceMean, ReduceProd, ReduceMax and
    ReduceMin, the global pools, and any/all of bools.

    A mean is the sum divided by the count, and so infinite where the sum is; for integers it truncates toward
    zero. Maxima and minima propagate NaN, and +0 is larger than -0. An empty reduction gives the identity: 0,
    1, or the type's bounds; an empty mean, which ONNX leaves undefined, gives 0 as in ONNX Runtime.
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
            raise op_error(
                self,
                f"the axes {list(self.axes)} must be in ascending order, each once",
                at=AttributeAt("axes"),
            )
        return [self.x.type.with_shape(without_axes(self.x.type.shape, self.axes, self.keepdims))]

    @property
    def count(self) -> Dim:
        """The number of elements that are reduced to one."""
        return product(self.x.type.shape[axis] for axis in self.axes)

    def evaluate(self, evaluation: Evaluation, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return converted(self._reduced(widened(x)), self.y.type.dtype)

    def _reduced(self, x: Array) -> Any:
        axes, keep = tuple(self.axes), bool(self.keepdims)
        match self.kind:
            case "sum":
                return total(x, axes, keepdims=keep)
            case "mean":
                whole = total(x, axes, keepdims=keep)
                count = np.prod([x.shape[axis] for axis in axes], dtype=np.int64)
                return divide(whole, np.asarray(max(count, 1)).astype(whole.dtype))
            case "prod":
                return np.prod(x, axes, sum_dtype(x), keepdims=keep)
            case "max":
                return largest(x, axes, keepdims=keep)
            case "min":
                return smallest(x, axes, keepdims=keep)
            case "any":
                return np.any(x, axes, keepdims=keep)
        return np.all(x, axes, keepdims=keep)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        def body(inner: tuple[Dim, ...]) -> Expr:
            place = reduced_index(index, self.axes, inner, self.keepdims)
            return load(scalars, self.x, place).expr

        extents = [self.x.type.shape[axis] for axis in self.axes]
        whole = Term(scalars, scalars.reduce("sum" if self.kind == "mean" else self.kind, extents, body))
        if self.kind == "mean":
            whole = whole / Term(scalars, self._divisor(scalars, whole.dtype))
        return whole.cast(self.y.type.dtype).expr

    def _divisor(self, scalars: Scalars, dtype: DType) -> Expr:
        """The count, or 1 if it is 0."""
        if isinstance(self.count, int):
            return scalars.index_value(max(self.count, 1), dtype)
        return scalars.apply("max", scalars.index_value(self.count, dtype), scalars.const(1, dtype))

    def flops(self) -> Dim:
        return 0 if self.x.type.dtype == BOOL else self.x.type.elements


@define_op(Trait.REDUCTION)
class ArgReduce(GraphOp):
    """The position of the extreme along an axis, as i64: the first one, or the last with `select_last` (ONNX
    ArgMax, ArgMin). NaN counts as the extreme."""

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
            raise op_error(self, f"axis {axis} is empty and has no extreme", at=AttributeAt("axis"))
        return [TensorType(without_axes(shape, [axis], self.keepdims), I64)]

    def needs(self) -> Iterable[Need]:
        why = f"axis {self.axis}, whose extreme is sought, has elements"
        yield Need(self.x.type.shape[self.axis], 1, why, at=OperandAt(0))

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


class Running(GraphOp):
    """Base class of running reductions along an axis: inclusive or `exclusive`, from the end if `reverse`."""

    x = operand()
    axis = attribute(INT)
    exclusive = attribute(FLAG, False)
    reverse = attribute(FLAG, False)
    y = result()
    kind: ClassVar[str]

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.x, NUMBER)
        front_axis(self, self.axis, self.x.type.rank)
        return [self.x.type]

    def running(self, x: Array) -> Array:
        """The running reduction of X along its last axis, in numpy."""
        raise NotImplementedError

    def evaluate(self, evaluation: Evaluation, x: Array) -> Array:
        wide = widened(x)
        with np.errstate(all="ignore"):
            ordered = np.moveaxis(np.flip(wide, self.axis) if self.reverse else wide, self.axis, -1)
            found = np.moveaxis(self.running(ordered), -1, self.axis)
            return converted(np.flip(found, self.axis) if self.reverse else found, self.y.type.dtype)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        here, size = index[self.axis], self.x.type.shape[self.axis]
        before: Dim = size - 1 - here if self.reverse else here

        def body(inner: tuple[Dim, ...]) -> Expr:
            at = size - 1 - inner[0] if self.reverse else inner[0]
            return load(scalars, self.x, (*index[: self.axis], at, *index[self.axis + 1 :])).expr

        extent = before if self.exclusive else before + 1
        signed = self.kind == "sum" and not self.exclusive
        whole = scalars.reduce(self.kind, [extent], body, signed_zero=signed)
        return scalars.cast(whole, self.y.type.dtype)

    def flops(self) -> Dim:
        return self.x.type.elements


@define_op(Trait.REDUCTION)
class Cumsum(Running):
    """The running sum along an axis (ONNX CumSum). An inclusive sum starts from the first element, so it
    keeps -0; an exclusive one starts from +0."""

    name = "graph.cumsum"
    kind = "sum"

    def running(self, x: Array) -> Array:
        return running(x, exclusive=self.exclusive)


@define_op(Trait.REDUCTION)
class Cumprod(Running):
    """The running product along an axis (ONNX CumProd); an exclusive one starts from 1."""

    name = "graph.cumprod"
    kind = "prod"

    def running(self, x: Array) -> Array:
        shifted = np.concatenate([np.ones_like(x[..., :1]), x[..., :-1]], axis=-1) if self.exclusive else x
        return np.cumprod(shifted, -1, x.dtype)


OPS: tuple[type[Operation], ...] = (Reduce, ArgReduce, Cumsum, Cumprod)
