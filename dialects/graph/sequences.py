"""Ops on sequences along an axis of a batch: reversal, and writes into caches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.attributes import BOOL, INT
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.op import attribute, define_op, operand, optional_operand, result
from ..core.parts import AttributeAt
from ..core.traits import Trait
from ..core.types import TensorType
from .base import GraphOp, normalize_axis, same_dtype, same_shape
from .position import Position


@define_op(Trait.MOVEMENT)
class ReverseSequence(GraphOp):
    """The first lengths[b] elements along the time axis reversed, for each b of the batch axis (ONNX
    ReverseSequence).

    The other elements are unchanged. Lengths outside 0..n are clamped.
    """

    name = "graph.reverse_sequence"
    x = operand()
    lengths = operand()
    time_axis = attribute(INT, 0)
    batch_axis = attribute(INT, 1)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        x = self.x.type
        axes = {normalize_axis(self, axis, x.rank) for axis in (self.time_axis, self.batch_axis)}
        if len(axes) != 2:
            raise op_error(self, "the axes of time and batch are the same", at=AttributeAt("batch_axis"))
        if not self.lengths.type.dtype.is_integer:
            message = f"the lengths are {self.lengths.type.dtype}, integers are expected"
            raise op_error(self, message, at=operand_at(self, self.lengths))
        wanted = (x.shape[self.batch_axis],)
        message = f"the lengths {self.lengths.type} do not fit the batch"
        same_shape(self, self.lengths.type.shape, wanted, message)
        return [x]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        time, size = self.time_axis % len(index), self.x.type.shape[self.time_axis]
        length = scalars.cast(scalars.load(self.lengths, (index[self.batch_axis],)), I64)
        here, zero = scalars.index_value(index[time]), scalars.const(0, I64)
        last = scalars.apply(
            "sub", scalars.apply("min", length, scalars.index_value(size)), scalars.const(1, I64)
        )
        mirrored = scalars.apply("sub", last, here)
        at = scalars.select(scalars.apply("lt", mirrored, zero), here, mirrored)
        return scalars.let_index(
            at, lambda place: scalars.load(self.x, (*index[:time], place, *index[time + 1 :]))
        )

    def evaluate(self, evaluation: Evaluation, x: Any, lengths: Any) -> Any:
        time, batch = self.time_axis % x.ndim, self.batch_axis % x.ndim
        steps = np.arange(x.shape[time])
        mirrored = np.minimum(lengths.astype(np.int64), x.shape[time])[:, None] - 1 - steps
        at = np.where(mirrored < 0, steps, mirrored)
        at = at if batch < time else at.T
        shape = [x.shape[axis] if axis in (time, batch) else 1 for axis in range(x.ndim)]
        return np.take_along_axis(x, at.reshape(shape), time)


@define_op(Trait.MOVEMENT)
class WriteCache(GraphOp):
    """A cache [B, ...] with an update written along an axis, from starts[b] (default 0) on (ONNX
    TensorScatter).

    A circular cache wraps around; elements beyond a linear one are dropped. With `in_place` the result is in
    the memory of the cache, whose other elements are not touched: nothing else may read the cache.
    """

    name = "graph.write_cache"
    cache = operand()
    update = operand()
    starts = optional_operand()
    axis = attribute(INT, -2)
    circular = attribute(BOOL, False)
    in_place = attribute(BOOL, False)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        cache, update = self.cache.type, self.update.type
        same_dtype(self, [cache, update])
        axis = normalize_axis(self, self.axis, cache.rank)
        if axis == 0:
            raise op_error(self, "the batch cannot be the axis of a sequence", at=AttributeAt("axis"))
        have, want = ((*shape[:axis], *shape[axis + 1 :]) for shape in (update.shape, cache.shape))
        message = f"{update} and {cache} differ in more than axis {axis}"
        same_shape(self, have, want, message, at=operand_at(self, self.update))
        if self.starts is not None:
            if not self.starts.type.dtype.is_integer:
                message = f"the starts are {self.starts.type.dtype}, integers are expected"
                raise op_error(self, message, at=operand_at(self, self.starts))
            message = f"the starts {self.starts.type} do not fit the batch"
            same_shape(self, self.starts.type.shape, cache.shape[:1], message)
        return [cache]

    def needs(self) -> Iterable[Need]:
        size, count = self.cache.type.shape[self.axis], self.update.type.shape[self.axis]
        yield Need(size, count, "the cache has room for the update")

    def define(self, scalars: Scalars, index: Index) -> Expr:
        axis, zero = self.axis % len(index), scalars.const(0, I64)
        size, count = (scalars.index_value(v.type.shape[axis]) for v in (self.cache, self.update))
        step = scalars.index_value(index[axis])
        if self.starts is not None:
            start = scalars.cast(scalars.load(self.starts, index[:1]), I64)
            step = scalars.apply("sub", step, start)
        if self.circular:
            step = scalars.apply("mod", step, size)
        written = scalars.apply("and", scalars.apply("ge", step, zero), scalars.apply("lt", step, count))
        new = scalars.let_index(
            step, lambda place: scalars.load(self.update, (*index[:axis], place, *index[axis + 1 :]))
        )
        return scalars.select(written, new, scalars.load(self.cache, index))

    def taken_positions(self) -> Iterable[Position]:
        """The starts from which the update is in the cache."""
        if self.starts is None or self.circular:
            return []
        room = self.cache.type.shape[self.axis] - self.update.type.shape[self.axis]
        return [Position(2, room + 1, from_end=False)]

    def place(self, scalars: Scalars, index: Index) -> Expr:
        """The position in the cache, along the axis, of element INDEX of the update; as an i64."""
        axis = self.axis % len(index)
        place = scalars.index_value(index[axis])
        if self.starts is not None:
            start = scalars.cast(scalars.load(self.starts, index[:1]), I64)
            place = start if index[axis] == 0 else scalars.apply("add", start, place)
        size = scalars.index_value(self.cache.type.shape[axis])
        return scalars.apply("mod", place, size) if self.circular else place

    def evaluate(self, evaluation: Evaluation, cache: Any, update: Any, starts: Any = None) -> Any:
        axis = self.axis % cache.ndim
        begins = np.zeros(len(cache), np.int64) if starts is None else starts.astype(np.int64)
        y = np.moveaxis(cache, axis, 1).copy()
        for row, new, begin in zip(y, np.moveaxis(update, axis, 1), begins, strict=True):
            places = begin + np.arange(len(new))
            if self.circular:
                places %= len(row)
            inside = (places >= 0) & (places < len(row))
            row[places[inside]] = new[inside]
        return np.moveaxis(y, 1, axis)


OPS = (ReverseSequence, WriteCache)
