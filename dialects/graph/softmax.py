"""Softmax and log-softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.attributes import INT
from ..core.expr import Expr, Index, Scalars
from ..core.ir import Operation
from ..core.op import attribute, define_op, result
from ..core.traits import Trait
from .formula import Term
from .normalization_base import Normalization
from .numeric import Array
from .reduction import front_axis


class Row(Normalization):
    """Base class of softmax and log-softmax, along one axis."""

    axis = attribute(INT)
    y = result()

    def check_shapes(self) -> None:
        front_axis(self, self.axis, self.x.type.rank)

    def shifted(self, x: Array) -> Any:
        """x minus its maximum, so that no exponential overflows."""
        return x - np.max(x, self.axis, keepdims=True, initial=-np.inf)

    def shifted_terms(self, scalars: Scalars, index: Index) -> tuple[Term, Term]:
        """x minus its row's maximum, and the sum of the row's exponentials of that."""
        axes = [self.axis]

        def statistics() -> tuple[Term, Term]:
            largest = self.over("max", scalars, index, axes, lambda x: x)
            return largest, self.over("sum", scalars, index, axes, lambda x: (x - largest).call("exp"))

        largest, total = scalars.shared(self.row(index, axes), statistics)
        return self.load_x(scalars, index) - largest, total


@define_op(Trait.ROW)
class Softmax(Row):
    """exp(x) / sum(exp(x)) along the axis (ONNX Softmax since opset 13)."""

    name = "graph.softmax"

    def compute(self, x: Array) -> Any:
        powers = np.exp(self.shifted(x))
        return powers / np.sum(powers, self.axis, np.float64, keepdims=True)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x, total = self.shifted_terms(scalars, index)
        return self.finished(x.call("exp") / total)


@define_op(Trait.ROW)
class LogSoftmax(Row):
    """log(softmax(x)) along the axis, without computing softmax (ONNX LogSoftmax since opset 13)."""

    name = "graph.log_softmax"

    def compute(self, x: Array) -> Any:
        shifted = self.shifted(x)
        return shifted - np.log(np.sum(np.exp(shifted), self.axis, np.float64, keepdims=True))

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x, total = self.shifted_terms(scalars, index)
        return self.finished(x - total.call("log"))


OPS: tuple[type[Operation], ...] = (Softmax, LogSoftmax)
