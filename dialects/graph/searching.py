"""Binary search in sorted elements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.op import define_op, operand, result
from ..core.parts import OperandAt
from ..core.types import TensorType
from .base import GraphOp, same_dtype
from .elementwise_base import check_kind

MOST_STEPS = 31  # enough for any element count that a symbol may have


@define_op()
class SearchSorted(GraphOp):
    """For each of the values, the number of elements of x [n] that are less, as i64 (numpy.searchsorted).

    x holds integers in ascending order. The result is the position of the first element that is not less.
    """

    name = "graph.search_sorted"
    x = operand()
    values = operand()
    y = result()

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.x, ("signed",))
        same_dtype(self, [self.x.type, self.values.type])
        if self.x.type.rank != 1:
            message = f"{self.x.type} is not a sorted tensor of one dimension"
            raise op_error(self, message, at=operand_at(self, self.x))
        return [self.values.type.with_dtype(I64)]

    def needs(self) -> Iterable[Need]:
        count = self.values.type.elements
        needed = self.x.type.elements * count
        yield Need(needed, count, "there are elements to search", at=OperandAt(0))

    def define(self, scalars: Scalars, index: Index) -> Expr:
        size: Dim = self.x.type.shape[0]
        steps = size.bit_length() if isinstance(size, int) else MOST_STEPS
        value = scalars.load(self.values, index)

        def halved(found: Dim, step: int) -> Expr:
            """The number of elements that are less: FOUND, or up to 2 * STEP - 1 more."""
            if not step:
                return scalars.index_value(found)
            end = scalars.index_value(found + step)
            limited = scalars.apply("min", end, scalars.index_value(size))

            def chosen(at: Dim) -> Expr:
                less = scalars.apply("lt", scalars.load(self.x, (at - 1,)), value)
                there = scalars.apply("and", scalars.inside(found + step, 0, size + 1), less)
                following = scalars.select(there, end, scalars.index_value(found))
                return scalars.let_index(following, lambda more: halved(more, step // 2))

            return scalars.let_index(limited, chosen)

        return halved(0, 1 << max(steps - 1, 0))

    def evaluate(self, evaluation: Evaluation, x: Any, values: Any) -> Any:
        return np.searchsorted(x, values)


OPS = (SearchSorted,)
