"""The same elements in another arrangement: Reshape and Transpose."""

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
from ..base import GraphOp, dims_text
from .remap import reshaped_index


@define_op(Trait.MOVEMENT)
class Reshape(GraphOp):
    """The same elements, in row-major order, in another shape (ONNX Reshape, Flatten, Squeeze,
    Unsqueeze). The shape is explicit: 0 and -1 have no special meaning.
    """

    name = "graph.reshape"
    x = operand()
    shape = attribute(DIMS)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        shape = tuple(self.shape)
        if any(isinstance(size, int) and size < 0 for size in shape):
            raise op_error(self, f"the shape {dims_text(shape)} has a negative size", at=AttributeAt("shape"))
        y = TensorType(shape, self.x.type.dtype)
        surplus = self.x.type.elements - y.elements
        if isinstance(surplus, int) and surplus != 0:
            raise op_error(
                self,
                f"{dims_text(self.x.type.shape)} and {dims_text(shape)} differ in element count",
                at=AttributeAt("shape"),
            )
        return [y]

    def needs(self) -> Iterable[Need]:
        why = "a reshape keeps all elements"
        yield Need(self.x.type.elements, self.y.type.elements, why, "==", at=AttributeAt("shape"))

    def define(self, scalars: Scalars, index: Index) -> Expr:
        return scalars.load(self.x, reshaped_index(index, self.y.type.shape, self.x.type.shape))

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        return x.reshape(evaluation.shape(self.y.type))


@define_op(Trait.MOVEMENT)
class Transpose(GraphOp):
    """Dimension i of the result is dimension perm[i] of x (ONNX Transpose)."""

    name = "graph.transpose"
    x = operand()
    perm = attribute(INTS)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if sorted(self.perm) != list(range(self.x.type.rank)):
            raise op_error(
                self,
                f"perm {list(self.perm)} does not order {self.x.type.rank} dimensions",
                at=AttributeAt("perm"),
            )
        return [TensorType(tuple(self.x.type.shape[axis] for axis in self.perm), self.x.type.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        own: list[Dim] = [0] * len(index)
        for place, axis in enumerate(self.perm):
            own[axis] = index[place]
        return scalars.load(self.x, own)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        return np.transpose(x, self.perm)
