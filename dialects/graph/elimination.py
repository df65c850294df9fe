"""Steps of Gaussian elimination with partial pivoting on batches of square matrices, for determinants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, floordiv
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import define_op, operand, result
from ..core.types import TensorType
from .base import GraphOp
from .elementwise_base import FLOAT, check_kind
from .formula import Term, load
from .numeric import converted, widened


class Elimination(GraphOp):
    """Base class of the ops of one step, which eliminates the first column of x [..., n, n] by its pivot.

    The pivot is the first element of that column with the largest absolute value.
    """

    x = operand()
    y = result()

    def check_matrix(self) -> int:
        """n; raises located IRErrors where x is not a batch of square matrices of static size."""
        check_kind(self, self.x, FLOAT)
        shape = self.x.type.shape
        n = shape[-1] if len(shape) > 1 else 0
        if not isinstance(n, int) or n < 1 or shape[-2] != n:
            message = f"{self.x.type} does not hold square matrices of static size"
            raise op_error(self, message, at=operand_at(self, self.x))
        return n

    def at_pivot(self, scalars: Scalars, lead: Index, body: Callable[[Dim], Expr]) -> Expr:
        """BODY, called with the row of the pivot of the matrix at LEAD."""

        def size(row: Index) -> Expr:
            return load(scalars, self.x, (*lead, row[0], 0)).call("abs").expr

        row = scalars.reduce("argmax", [self.x.type.shape[-1]], size)
        return scalars.let_index(row, body)


def _pivots(x: Array) -> Array:
    """The row of the pivot of each matrix."""
    return np.asarray(np.argmax(np.abs(x[..., 0]), axis=-1))


@define_op()
class Pivot(Elimination):
    """The pivot of each matrix, negated if its row is an odd number of rows below the first: [..., n, n] to
    [...]. The determinant is the product of the pivots of all steps."""

    name = "graph.pivot"

    def infer(self) -> Sequence[TensorType]:
        self.check_matrix()
        return [self.x.type.with_shape(self.x.type.shape[:-2])]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        def signed(row: Dim) -> Expr:
            pivot = load(scalars, self.x, (*index, row, 0))
            odd = scalars.apply("eq", scalars.index_value(row - floordiv(row, 2) * 2), scalars.const(1, I64))
            return Term(scalars, odd).choose(-pivot, pivot).cast(self.x.type.dtype).expr

        return self.at_pivot(scalars, index, signed)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        wide = widened(x)
        rows = _pivots(wide)
        pivots = np.take_along_axis(wide[..., 0], rows[..., None], axis=-1)[..., 0]
        return converted(np.where(rows % 2 == 1, -pivots, pivots), self.y.type.dtype)


@define_op()
class SchurComplement(Elimination):
    """The rest of each matrix after the step: [..., n, n] to [..., n - 1, n - 1].

    The pivot's row moves to the top, the others keep their order. A column of zeros is left as it is (pivot
    0).
    """

    name = "graph.schur_complement"

    def infer(self) -> Sequence[TensorType]:
        n = self.check_matrix()
        return [self.x.type.with_shape((*self.x.type.shape[:-2], n - 1, n - 1))]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        *lead, row, column = index

        def left(top: Dim) -> Expr:
            below = scalars.apply("ge", scalars.index_value(row), scalars.index_value(top))
            own = scalars.select(below, scalars.index_value(row + 1), scalars.index_value(row))
            return scalars.let_index(
                own, lambda at: self._eliminated(scalars, tuple(lead), top, at, column + 1)
            )

        return self.at_pivot(scalars, tuple(lead), left)

    def _eliminated(self, scalars: Scalars, lead: Index, top: Dim, row: Dim, column: Dim) -> Expr:
        pivot = load(scalars, self.x, (*lead, top, 0))
        element = load(scalars, self.x, (*lead, row, column))
        factor = load(scalars, self.x, (*lead, row, 0)) / pivot
        zero = Term(scalars, scalars.apply("eq", pivot.expr, scalars.const(0, pivot.dtype)))
        step = element - factor * load(scalars, self.x, (*lead, top, column))
        return zero.choose(element, step).cast(self.x.type.dtype).expr

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        wide = widened(x)
        n, rows = wide.shape[-1], _pivots(wide)[..., None]
        steps = np.arange(n - 1)
        others = np.where(steps >= rows, steps + 1, steps)
        top = np.take_along_axis(wide, rows[..., None], axis=-2)
        rest = np.take_along_axis(wide, others[..., None], axis=-2)
        pivot = top[..., :1]
        with np.errstate(all="ignore"):
            factor = np.where(pivot == 0, 0, rest[..., :1] / pivot)
            step = rest[..., 1:] - factor * top[..., 1:]
        return converted(np.where(pivot == 0, rest[..., 1:], step), self.y.type.dtype)

    def flops(self) -> Dim:
        return self.y.type.elements * 2


OPS = (Pivot, SchurComplement)
