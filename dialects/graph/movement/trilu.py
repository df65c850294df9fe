"""Trilu: the upper or lower triangle of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.attributes import BOOL, DIM
from ...core.diagnostics import op_error, operand_at
from ...core.expr import Expr, Index, Scalars
from ...core.interpreter import Evaluation
from ...core.op import attribute, define_op, operand, result
from ...core.traits import Trait
from ...core.types import TensorType
from ..base import GraphOp


@define_op(Trait.MOVEMENT)
class Trilu(GraphOp):
    """The upper or lower triangle of the last two dimensions, zeros elsewhere (ONNX Trilu).

    `k` moves the diagonal; positive towards the upper right.
    """

    name = "graph.trilu"
    x = operand()
    upper = attribute(BOOL, True)
    k = attribute(DIM, 0)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if self.x.type.rank < 2:
            raise op_error(self, "its input needs at least two dimensions", at=operand_at(self, self.x))
        return [TensorType(self.x.type.shape, self.x.type.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        row, column = index[-2:]
        boundary = row + self.k
        low, high = (boundary, self.x.type.shape[-1]) if self.upper else (0, boundary + 1)
        kept = scalars.inside(column, low, high)
        return scalars.select(kept, scalars.load(self.x, index), scalars.const(0, self.x.type.dtype))

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        cut: Callable[..., Any] = np.triu if self.upper else np.tril
        return cut(x, evaluation.dim(self.k))
