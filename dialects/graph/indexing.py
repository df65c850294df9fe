"""Gathers, which read at data-dependent positions, and ops that produce positions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL, DIM, INT
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand, result
from ..core.parts import AttributeAt, OperandAt
from ..core.traits import Trait
from ..core.types import TensorType
from .base import GraphOp, normalize_axis, same_dtype, same_shape
from .numeric import compute_dtype, converted
from .position import Position


def wrapped_index(scalars: Scalars, position: Expr, size: Dim) -> Expr:
    """POSITION as an i64 in 0..SIZE-1: negative positions count from the end.

    Positions out of range are clamped: ONNX leaves them undefined, and a kernel must not read outside the
    operand because of its input data.
    """
    wide = scalars.cast(position, I64)
    zero, extent = scalars.const(0, I64), scalars.index_value(size)
    wrapped = scalars.select(scalars.apply("lt", wide, zero), scalars.apply("add", wide, extent), wide)
    return scalars.apply("max", scalars.apply("min", wrapped, scalars.index_value(size - 1)), zero)


def wrapped_array(positions: Array, size: int) -> Array:
    """`wrapped_index` for a numpy array."""
    wide = positions.astype(np.int64)
    return np.clip(np.where(wide < 0, wide + size, wide), 0, max(size - 1, 0))


class Indexed(GraphOp):
    """Base class of ops that read x at positions given by an integer tensor.

    spare: there are indices beyond a count that data decides, which mean nothing and may be any.
    """

    x = operand()
    indices = operand()
    y = result()
    spare = attribute(BOOL, False, discardable=True)

    @property
    def indexed(self) -> tuple[int, ...]:
        """The axes of x that the indices refer to."""
        raise NotImplementedError

    def needs(self) -> Iterable[Need]:
        count = self.indices.type.elements
        for axis in self.indexed:
            extent, why = self.x.type.shape[axis], f"axis {axis}, which is indexed, has elements"
            # Without indices the axis may be empty.
            least = min(count, 1) if isinstance(count, int) else count
            needed = extent if isinstance(count, int) else extent * count
            yield Need(needed, least, why, at=OperandAt(0))

    def taken_positions(self) -> Iterable[Position]:
        if self.spare:
            return []
        shape, columns = self.x.type.shape, len(self.indexed) > 1
        return [Position(1, shape[axis], at if columns else None) for at, axis in enumerate(self.indexed)]

    def check_indices(self) -> None:
        if not self.indices.type.dtype.is_integer:
            raise op_error(
                self,
                f"its indices are {self.indices.type.dtype}, integers are expected",
                at=operand_at(self, self.indices),
            )


@define_op(Trait.MOVEMENT)
class Gather(Indexed):
    """Slices of x along an axis, one per index (ONNX Gather).

    Indices are in -n..n-1; others are clamped.
    """

    name = "graph.gather"
    axis = attribute(INT, 0)

    @property
    def indexed(self) -> tuple[int, ...]:
        return (self.axis % self.x.type.rank,)

    def infer(self) -> Sequence[TensorType]:
        self.check_indices()
        axis = normalize_axis(self, self.axis, self.x.type.rank)
        shape = self.x.type.shape
        if not shape:
            raise op_error(self, "a scalar has nothing to gather from", at=operand_at(self, self.x))
        return [TensorType((*shape[:axis], *self.indices.type.shape, *shape[axis + 1 :]), self.x.type.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        axis = self.axis % self.x.type.rank
        after = axis + self.indices.type.rank
        position = scalars.load(self.indices, index[axis:after])
        wrapped = wrapped_index(scalars, position, self.x.type.shape[axis])
        return scalars.let_index(
            wrapped, lambda at: scalars.load(self.x, (*index[:axis], at, *index[after:]))
        )

    def evaluate(self, evaluation: Evaluation, x: Any, indices: Any) -> Any:
        axis = self.axis % x.ndim
        return np.asarray(np.take(x, wrapped_array(indices, x.shape[axis]), axis=axis))


@define_op(Trait.MOVEMENT)
class GatherElements(Indexed):
    """Elements of x along an axis, one per index (ONNX GatherElements)."""

    name = "graph.gather_elements"
    axis = attribute(INT, 0)

    @property
    def indexed(self) -> tuple[int, ...]:
        return (self.axis % self.x.type.rank,)

    def needs(self) -> Iterable[Need]:
        yield from super().needs()
        sizes = zip(self.x.type.shape, self.indices.type.shape, strict=True)
        for axis, (size, count) in enumerate(sizes):
            if axis not in self.indexed:
                yield Need(size, count, f"the indices stay inside axis {axis}", at=OperandAt(1))

    def infer(self) -> Sequence[TensorType]:
        self.check_indices()
        x, indices = self.x.type, self.indices.type
        normalize_axis(self, self.axis, x.rank)
        if indices.rank != x.rank or x.rank == 0:
            raise op_error(
                self,
                f"the indices have {indices.rank} dimensions, the input {x.rank}",
                at=operand_at(self, self.indices),
            )
        return [TensorType(indices.shape, x.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        axis = self.axis % self.x.type.rank
        wrapped = wrapped_index(scalars, scalars.load(self.indices, index), self.x.type.shape[axis])
        return scalars.let_index(
            wrapped, lambda at: scalars.load(self.x, (*index[:axis], at, *index[axis + 1 :]))
        )

    def evaluate(self, evaluation: Evaluation, x: Any, indices: Any) -> Any:
        axis = self.axis % x.ndim
        picks = list(np.indices(indices.shape, sparse=True))
        picks[axis] = wrapped_array(indices, x.shape[axis])
        return x[tuple(picks)]


@define_op(Trait.MOVEMENT)
class GatherNd(Indexed):
    """Slices of x at multi-indices, which are the last dimension of the indices (ONNX GatherND)."""

    name = "graph.gather_nd"
    batch_dims = attribute(INT, 0)

    @property
    def depth(self) -> int:
        """The number of dimensions of x that a multi-index covers."""
        last = self.indices.type.shape[-1] if self.indices.type.rank else None
        if not isinstance(last, int):
            raise op_error(
                self, "the last dimension of the indices is not static", at=operand_at(self, self.indices)
            )
        return last

    @property
    def indexed(self) -> tuple[int, ...]:
        return tuple(range(self.batch_dims, self.batch_dims + self.depth))

    def infer(self) -> Sequence[TensorType]:
        self.check_indices()
        x, indices, batch = self.x.type, self.indices.type, self.batch_dims
        covered = batch + self.depth
        if batch < 0 or batch >= indices.rank or covered > x.rank or self.depth < 1:
            raise op_error(
                self,
                f"multi-indices of {self.depth} after {batch} dimensions do not fit {x}",
                at=operand_at(self, self.indices),
            )
        message = f"the first {batch} dimensions of {x} and {indices} differ"
        same_shape(self, x.shape[:batch], indices.shape[:batch], message)
        return [TensorType((*indices.shape[:-1], *x.shape[covered:]), x.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        return self._locate(scalars, index, ())

    def _locate(self, scalars: Scalars, index: Index, found: Index) -> Expr:
        """The element of x at the multi-index whose first positions are FOUND."""
        lead = index[: self.indices.type.rank - 1]
        if len(found) == self.depth:
            return scalars.load(self.x, (*lead[: self.batch_dims], *found, *index[len(lead) :]))
        position = scalars.load(self.indices, (*lead, len(found)))
        size = self.x.type.shape[self.batch_dims + len(found)]
        wrapped = wrapped_index(scalars, position, size)
        return scalars.let_index(wrapped, lambda at: self._locate(scalars, index, (*found, at)))

    def evaluate(self, evaluation: Evaluation, x: Any, indices: Any) -> Any:
        lead = indices.shape[:-1]
        picks: list[Array] = list(np.indices(lead, sparse=True))[: self.batch_dims]
        for place in range(self.depth):
            picks.append(wrapped_array(indices[..., place], x.shape[self.batch_dims + place]))
        return np.asarray(x[tuple(np.broadcast_to(pick, lead) for pick in picks)])


@define_op()
class Range(GraphOp):
    """start, start + delta, ...: `size` numbers (ONNX Range with a known length)."""

    name = "graph.range"
    start = operand()
    delta = operand()
    size = attribute(DIM)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        same_dtype(self, [self.start.type, self.delta.type])
        if self.start.type.rank or self.delta.type.rank:
            raise op_error(self, "start and delta are not scalars")
        if isinstance(self.size, int) and self.size < 0:
            raise op_error(self, f"the size {self.size} is negative", at=AttributeAt("size"))
        return [TensorType((self.size,), self.start.type.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        dtype = compute_dtype(self.start.type.dtype)
        start, delta = (scalars.cast(scalars.load(value, ()), dtype) for value in (self.start, self.delta))
        step = scalars.apply("mul", scalars.index_value(index[0], dtype), delta)
        return scalars.cast(scalars.apply("add", start, step), self.start.type.dtype)

    def evaluate(self, evaluation: Evaluation, start: Any, delta: Any) -> Any:
        dtype = compute_dtype(self.start.type.dtype).numpy
        steps = np.arange(evaluation.dim(self.size)).astype(dtype) * delta.astype(dtype)
        return converted(start.astype(dtype) + steps, self.start.type.dtype)

    def flops(self) -> Dim:
        return self.y.type.elements * 2


@define_op()
class OneHot(GraphOp):
    """values[1] where the position along the new axis equals the index, values[0] elsewhere (ONNX
    OneHot). Indices are in -depth..depth-1; others match no position.
    """

    name = "graph.one_hot"
    indices = operand()
    values = operand()
    depth = attribute(DIM)
    axis = attribute(INT, -1)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        shape = self.indices.type.shape
        axis = normalize_axis(self, self.axis, len(shape) + 1)
        if self.values.type.shape != (2,):
            raise op_error(
                self,
                f"the values are {self.values.type}, off and on are expected",
                at=operand_at(self, self.values),
            )
        return [TensorType((*shape[:axis], self.depth, *shape[axis:]), self.values.type.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        axis = self.axis % len(index)
        position = scalars.cast(scalars.load(self.indices, (*index[:axis], *index[axis + 1 :])), I64)
        from_end = scalars.apply("add", position, scalars.index_value(self.depth))
        negative = scalars.apply("lt", position, scalars.const(0, I64))
        wrapped = scalars.select(negative, from_end, position)
        match = scalars.apply("eq", wrapped, scalars.index_value(index[axis]))
        return scalars.select(match, scalars.load(self.values, (1,)), scalars.load(self.values, (0,)))

    def evaluate(self, evaluation: Evaluation, indices: Any, values: Any) -> Any:
        depth = evaluation.dim(self.depth)
        axis = self.axis % (indices.ndim + 1)
        wide = np.expand_dims(converted(indices, I64), axis)
        places = np.arange(depth).reshape(-1, *(1,) * (indices.ndim - axis))
        return np.where(np.where(wide < 0, wide + depth, wide) == places, values[1], values[0])


OPS = (Gather, GatherElements, GatherNd, Range, OneHot)
