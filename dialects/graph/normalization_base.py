"""The base class of normalizations and softmax, with the building blocks of their definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, product
from ..core.diagnostics import op_error
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.op import operand
from ..core.types import TensorType
from .base import GraphOp
from .elementwise_base import FLOAT, check_kind
from .formula import Term, load
from .numeric import Array, converted, widened


class Normalization(GraphOp):
    """Base class: the result has the type of the first operand x, which is of floats; `cost` is FLOPs per
    element. Other operands may have another float type."""

    x = operand()
    cost = 5

    def infer(self) -> Sequence[TensorType]:
        for value in self.inputs:
            check_kind(self, value, FLOAT)
        self.check_shapes()
        return [self.x.type]

    def check_shapes(self) -> None:
        """Raise a located IRError if the operands' shapes do not match."""

    def compute(self, *inputs: Any) -> Any:
        """The result in numpy; operands are at least f32."""
        raise op_error(self, "has no evaluation of its own")

    def evaluate(self, evaluation: Evaluation, *inputs: Any) -> Array:
        arrays = [None if array is None else widened(array) for array in inputs]
        with np.errstate(all="ignore"):
            return converted(self.compute(*arrays), self.x.type.dtype)

    def flops(self) -> Dim:
        return self.x.type.elements * self.cost

    def cancelled(self, *inputs: Any) -> Array | None:
        """sqrt(K) times the mean magnitude of K elements whose mean is subtracted, in units of the result,
        for INPUTS in f64: errors are proportional to it. None where no mean of x is subtracted."""
        return None

    # ------------------------------------------------------------ building blocks of definitions

    def load_x(self, scalars: Scalars, index: Sequence[Dim]) -> Term:
        return load(scalars, self.x, index)

    def over(
        self, kind: str, scalars: Scalars, index: Index, axes: Sequence[int], body: Callable[[Term], Term]
    ) -> Term:
        """The reduction over AXES of BODY, applied to each x of the row of INDEX."""

        def element(inner: tuple[Dim, ...]) -> Expr:
            place = list(index)
            for axis, variable in zip(axes, inner, strict=True):
                place[axis] = variable
            return body(self.load_x(scalars, place)).expr

        return Term(scalars, scalars.reduce(kind, [self.x.type.shape[axis] for axis in axes], element))

    def average(
        self, scalars: Scalars, index: Index, axes: Sequence[int], body: Callable[[Term], Term]
    ) -> Term:
        """The mean over AXES of BODY, applied to each x of the row of INDEX."""
        total = self.over("sum", scalars, index, axes, body)
        count = product(self.x.type.shape[axis] for axis in axes)
        return total / Term(scalars, scalars.index_value(count, total.dtype))

    def row(self, index: Index, axes: Sequence[int]) -> tuple[object, ...]:
        """The sharing key of values that all elements of a row along AXES have in common."""
        return (self, *(None if axis in axes else dim for axis, dim in enumerate(index)))

    def standardized(self, scalars: Scalars, index: Index, axes: Sequence[int], epsilon: float) -> Term:
        """(x - mean) / sqrt(variance + epsilon) over AXES, with the variance of differences from the mean."""

        def statistics() -> tuple[Term, Term]:
            mean = self.average(scalars, index, axes, lambda x: x)
            variance = self.average(scalars, index, axes, lambda x: (x - mean) * (x - mean))
            return mean, (variance + epsilon).call("rsqrt")

        mean, factor = scalars.shared(self.row(index, axes), statistics)
        return (self.load_x(scalars, index) - mean) * factor

    def finished(self, term: Term) -> Expr:
        return term.cast(self.x.type.dtype).expr
