"""Base classes of elementwise ops: unary, binary with broadcasting, and predicates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.affine import Dim
from ..core.attributes import FLOAT as NUMBER_KIND
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import BOOL, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.ir import Operation, Value
from ..core.op import AttributeField, attribute, operand, result
from ..core.types import TensorType
from .base import PLAIN_MS, GraphOp, broadcast_shapes, same_dtype
from .formula import Term, load, load_broadcast
from .numeric import Array, converted, widened

FLOAT = ("float",)
INTEGER = ("signed", "unsigned")
NUMBER = (*FLOAT, *INTEGER)
TRUTH = ("bool",)
ANY = (*NUMBER, *TRUTH)


def check_kind(op: Operation, value: Value, kinds: Sequence[str]) -> None:
    """Raise a located IRError unless the element type of VALUE is of one of KINDS."""
    dtype = value.type.dtype
    if dtype.kind not in kinds:
        raise op_error(
            op,
            f"takes {' or '.join(kinds)} elements, not {dtype}",
            at=operand_at(op, value),
            label=f"this is {dtype}",
        )


def parameter(default: float) -> AttributeField[float]:
    """A float attribute with the given default."""
    return attribute(NUMBER_KIND, default)


class Elementwise(GraphOp):
    """An op with one result, of element type `result_dtype`; `cost` is FLOPs per element."""

    kinds: ClassVar[tuple[str, ...]] = FLOAT
    cost: ClassVar[int] = 1

    def result_dtype(self) -> DType:
        return self.inputs[0].type.dtype

    def compute(self, *inputs: Any) -> Any:
        """The result in numpy; float operands are at least f32."""
        raise op_error(self, "has no evaluation of its own")

    def evaluate(self, evaluation: Evaluation, *inputs: Any) -> Array:
        arrays = [None if array is None else widened(array) for array in inputs]
        with np.errstate(all="ignore"):
            return converted(self.compute(*arrays), self.result_dtype())

    def flops(self) -> Dim:
        return self.result.type.elements * self.cost


class Unary(Elementwise):
    """y = f(x), elementwise."""

    x = operand()
    y = result()
    function: ClassVar[str] = ""
    numpy: ClassVar[Callable[..., Any]]

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.x, self.kinds)
        return [self.x.type.with_dtype(self.result_dtype())]

    def compute(self, x: Array) -> Any:
        return self.numpy(x)

    def formula(self, x: Term) -> Term:
        """An element of y as a formula over the element of x."""
        return x.call(self.function)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        return self.formula(load(scalars, self.x, index)).cast(self.result_dtype()).expr


class Broadcasting(Elementwise):
    """An op whose operands share an element type and broadcast as in numpy."""

    kinds: ClassVar[tuple[str, ...]] = NUMBER

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.inputs[0], self.kinds)
        same_dtype(self, [value.type for value in self.inputs])
        shape = broadcast_shapes(self, [value.type.shape for value in self.inputs])
        return [TensorType(shape, self.result_dtype())]

    def formula(self, *terms: Any) -> Term:
        """An element of the result as a formula over the operands' elements."""
        raise op_error(self, "has no scalar definition")

    def define(self, scalars: Scalars, index: Index) -> Expr:
        terms = [None if value is None else load_broadcast(scalars, value, index) for value in self.operands]
        return self.formula(*terms).cast(self.result_dtype()).expr


class Binary(Broadcasting):
    """z = f(x, y)."""

    x = operand()
    y = operand()
    z = result()
    function: ClassVar[str] = ""
    numpy: ClassVar[Callable[..., Any]]

    def compute(self, x: Array, y: Array) -> Any:
        return self.numpy(x, y)

    def formula(self, x: Term, y: Term) -> Term:
        return x.call(self.function, y)


class UnaryPredicate(Unary):
    """y = whether x has some property; the result is bool."""

    compile_ms = PLAIN_MS
    cost = 0

    def result_dtype(self) -> DType:
        return BOOL


class Comparison(Binary):
    """z = whether a relation between x and y holds; false if one is NaN."""

    compile_ms = PLAIN_MS
    cost = 0

    def result_dtype(self) -> DType:
        return BOOL


class Logic(Comparison):
    """A logical connective of bools."""

    kinds = TRUTH


class Bitwise(Binary):
    """An operation on the bits of integers."""

    kinds = INTEGER
    compile_ms = PLAIN_MS
    cost = 0
