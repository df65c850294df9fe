"""Slice: the elements at regular steps along every axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...core.affine import Dim
from ...core.attributes import DIMS, INTS
from ...core.constraints import Need
from ...core.diagnostics import op_error
from ...core.expr import Expr, Index, Scalars
from ...core.interpreter import Evaluation
from ...core.op import attribute, define_op, operand, result
from ...core.parts import AttributeAt
from ...core.traits import Trait
from ...core.types import TensorType
from ..base import GraphOp, surely_negative


@define_op(Trait.MOVEMENT)
class Slice(GraphOp):
    """Along every axis, SIZES elements from STARTS on, with step STEPS (ONNX Slice, Split).

    Starts are non-negative; steps may be negative. An empty list of steps means all 1.
    """

    name = "graph.slice"
    x = operand()
    starts = attribute(DIMS)
    sizes = attribute(DIMS)
    steps = attribute(INTS, ())
    y = result()

    @property
    def step_list(self) -> tuple[int, ...]:
        """The step of every axis."""
        return tuple(self.steps) or (1,) * self.x.type.rank

    def infer(self) -> Sequence[TensorType]:
        rank = self.x.type.rank
        if not len(self.starts) == len(self.sizes) == len(self.step_list) == rank or 0 in self.step_list:
            raise op_error(self, f"starts, sizes and non-zero steps must be given for all {rank} dimensions")
        for axis in range(rank):
            self._check_axis(axis)
        return [TensorType(tuple(self.sizes), self.x.type.dtype)]

    def _ends(self, axis: int) -> tuple[Dim, Dim]:
        """The lowest and the highest index read along AXIS."""
        first, step = self.starts[axis], self.step_list[axis]
        last = first + (self.sizes[axis] - 1) * step
        return (first, last) if step > 0 else (last, first)

    def _check_axis(self, axis: int) -> None:
        count, extent = self.sizes[axis], self.x.type.shape[axis]
        if count == 0:
            return
        low, high = self._ends(axis)
        if any(surely_negative(dim) for dim in (low, extent - 1 - high, count)):
            raise op_error(
                self,
                f"axis {axis}: elements {low} to {high} are not all within {extent}",
                at=AttributeAt("starts"),
            )

    def needs(self) -> Iterable[Need]:
        for axis, (count, extent) in enumerate(zip(self.sizes, self.x.type.shape, strict=True)):
            if count != 0:
                low, high = self._ends(axis)
                yield Need(low, 0, f"a slice starts inside axis {axis}", at=AttributeAt("starts"))
                why = f"a slice ends inside axis {axis}"
                yield Need(extent, high + 1, why, at=AttributeAt("sizes"))

    def define(self, scalars: Scalars, index: Index) -> Expr:
        steps = zip(index, self.starts, self.step_list, strict=True)
        return scalars.load(self.x, [start + i * step for i, start, step in steps])

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        for axis, (start, size, step) in enumerate(zip(self.starts, self.sizes, self.step_list, strict=True)):
            picks = evaluation.dim(start) + np.arange(evaluation.dim(size)) * step
            x = np.take(x, picks, axis=axis)
        return x
