"""Repetition of elements: Expand, which broadcasts, and Tile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...core.affine import Dim, floordiv
from ...core.attributes import DIMS
from ...core.constraints import Need
from ...core.diagnostics import op_error
from ...core.expr import Expr, Index, Scalars
from ...core.interpreter import Evaluation
from ...core.op import attribute, define_op, operand, result
from ...core.parts import AttributeAt
from ...core.traits import Trait
from ...core.types import TensorType
from ..base import GraphOp, broadcast_shapes, dims_text, surely_negative


@define_op(Trait.MOVEMENT)
class Expand(GraphOp):
    """x broadcast with a shape (ONNX Expand): sizes of 1 on either side are broadcast.

    A size that the shape spells differently is broadcast if it is 1 at run time.
    """

    name = "graph.expand"
    x = operand()
    shape = attribute(DIMS)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        x, wanted = self.x.type.shape, tuple(self.shape)
        shape = tuple(b if self._stretches(a, b) else a for a, b in self._aligned(x, wanted))
        return [TensorType(broadcast_shapes(self, [shape, wanted]), self.x.type.dtype)]

    @property
    def stretches(self) -> bool:
        """Whether some size of x may or may not be 1, depending on the values of symbols."""
        return any(self._stretches(a, b) for a, b in self._aligned(self.x.type.shape, self.shape))

    @staticmethod
    def _aligned(x: Sequence[Dim], wanted: Sequence[Dim]) -> list[tuple[Dim, Dim]]:
        """The sizes of x, each with the corresponding size of the shape."""
        met = [1] * max(len(x) - len(wanted), 0) + list(wanted[max(len(wanted) - len(x), 0) :])
        return list(zip(x, met, strict=True))

    @staticmethod
    def _stretches(size: Dim, to: Dim) -> bool:
        """Whether SIZE may be 1 or TO, depending on the values of symbols."""
        return size != to and 1 not in (size, to) and not (isinstance(size, int) and isinstance(to, int))

    def needs(self) -> Iterable[Need]:
        for size, to in self._aligned(self.x.type.shape, self.shape):
            if self._stretches(size, to):
                yield Need(size, to, "a size that is expanded is 1", "broadcasts", AttributeAt("shape"))

    def define(self, scalars: Scalars, index: Index) -> Expr:
        own = list(index[len(index) - self.x.type.rank :])
        for axis, (size, to) in enumerate(self._aligned(self.x.type.shape, self.shape)):
            if self._stretches(size, to):
                own[axis] = own[axis] * (1 - floordiv(1, size))  # index 0 throughout where the size is 1
        return scalars.load_broadcast(self.x, own)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        return np.broadcast_to(x, evaluation.shape(self.y.type))


@define_op(Trait.MOVEMENT)
class Tile(GraphOp):
    """x repeated along every axis (ONNX Tile)."""

    name = "graph.tile"
    x = operand()
    repeats = attribute(DIMS)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if len(self.repeats) != self.x.type.rank or any(map(surely_negative, self.repeats)):
            raise op_error(
                self,
                f"repeats {dims_text(self.repeats)} does not give {self.x.type.rank} counts",
                at=AttributeAt("repeats"),
            )
        sizes = zip(self.x.type.shape, self.repeats, strict=True)
        return [TensorType(tuple(size * count for size, count in sizes), self.x.type.dtype)]

    def needs(self) -> Iterable[Need]:
        at = AttributeAt("repeats")
        for count in self.repeats:
            yield Need(count, 0, "no repeat count is negative", at=at)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        own = [
            i if count == 1 else i - floordiv(i, size) * size if size != 0 else 0
            for i, size, count in zip(index, self.x.type.shape, self.repeats, strict=True)
        ]
        return scalars.load(self.x, own)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        return np.tile(x, [evaluation.dim(count) for count in self.repeats])
