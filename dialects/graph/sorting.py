"""The order of elements along an axis, for TopK."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL, DIM, INT
from ..core.constraints import Need
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand, result
from ..core.types import TensorType
from .base import GraphOp, normalize_axis
from .elementwise_base import NUMBER, check_kind
from .formula import load
from .numeric import widened


@define_op()
class SortRank(GraphOp):
    """The rank of each element of x in the order along an axis, as i64: 0 for the first one.

    Ascending, or descending; of equal elements the earlier one comes first. NaN counts as larger than all
    numbers, and zeros as equal.
    """

    name = "graph.sort_rank"
    x = operand()
    axis = attribute(INT, -1)
    descending = attribute(BOOL, True)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.x, NUMBER)
        normalize_axis(self, self.axis, self.x.type.rank)
        return [self.x.type.with_dtype(I64)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        axis = self.axis % len(index)
        here, zero, one = index[axis], scalars.const(0, I64), scalars.const(1, I64)
        own = load(scalars, self.x, index).expr

        def body(at: Index) -> Expr:
            other = load(scalars, self.x, (*index[:axis], at[0], *index[axis + 1 :])).expr
            first, second = (other, own) if self.descending else (own, other)
            ahead, behind = self._larger(scalars, first, second), self._larger(scalars, second, first)
            earlier = scalars.apply("lt", scalars.index_value(at[0]), scalars.index_value(here))
            tied = scalars.select(earlier, scalars.apply("not", behind), scalars.const(False, ahead.dtype))
            return scalars.select(scalars.apply("or", ahead, tied), one, zero)

        return scalars.reduce("sum", [self.x.type.shape[axis]], body)

    def _larger(self, scalars: Scalars, a: Expr, b: Expr) -> Expr:
        """Whether A is larger than B, NaN being the largest."""
        larger = scalars.apply("gt", a, b)
        if not a.dtype.is_float:
            return larger
        only = scalars.apply(
            "and", scalars.apply("isnan", a), scalars.apply("not", scalars.apply("isnan", b))
        )
        return scalars.apply("or", larger, only)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        order = sorted_positions(widened(x), self.axis, descending=self.descending)
        ranks: Array = np.empty_like(order)
        steps = np.arange(x.shape[self.axis]).reshape(-1, *(1,) * (x.ndim - 1 - self.axis % x.ndim))
        np.put_along_axis(ranks, order, np.broadcast_to(steps, order.shape), self.axis)
        return ranks

    def flops(self) -> Dim:
        length: Dim = self.x.type.shape[self.axis]
        return self.x.type.elements * length


def sorted_positions(x: Array, axis: int, *, descending: bool) -> Array:
    """The positions along AXIS in order; of equal elements the earlier one first, NaN as the largest."""
    if not descending:
        return np.argsort(x, axis, kind="stable")
    # A stable order of the reversed elements, reversed: negation would overflow for integers.
    backward = np.argsort(np.flip(x, axis), axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - backward, axis)


@define_op()
class PlacesOfRank(GraphOp):
    """The positions along an axis of the ranks 0 to COUNT - 1, as i64; ranks are distinct, and 0 to n - 1."""

    name = "graph.places_of_rank"
    ranks = operand()
    axis = attribute(INT, -1)
    count = attribute(DIM)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.ranks, ("signed",))
        shape = list(self.ranks.type.shape)
        shape[normalize_axis(self, self.axis, len(shape))] = self.count
        return [TensorType(tuple(shape), I64)]

    def needs(self) -> Iterable[Need]:
        yield Need(self.count, 0, "the number of elements to take is not negative")
        why = f"axis {self.axis} has as many elements as are taken"
        yield Need(self.ranks.type.shape[self.axis], self.count, why)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        axis, zero = self.axis % len(index), scalars.const(0, I64)

        def body(at: Index) -> Expr:
            rank = scalars.load(self.ranks, (*index[:axis], at[0], *index[axis + 1 :]))
            found = scalars.apply("eq", scalars.cast(rank, I64), scalars.index_value(index[axis]))
            return scalars.select(found, scalars.index_value(at[0]), zero)

        return scalars.reduce("sum", [self.ranks.type.shape[axis]], body)

    def evaluate(self, evaluation: Evaluation, ranks: Any) -> Any:
        order = np.argsort(ranks, self.axis, kind="stable")
        return np.take(order, np.arange(evaluation.dim(self.count)), self.axis).astype(np.int64)


OPS = (SortRank, PlacesOfRank)
