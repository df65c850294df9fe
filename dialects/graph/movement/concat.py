"""Concat: operands joined along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.affine import Dim, total
from ...core.attributes import INT
from ...core.diagnostics import op_error
from ...core.expr import Expr, Index, Scalars
from ...core.interpreter import Evaluation
from ...core.op import attribute, define_op, operands, result
from ...core.traits import Trait
from ...core.types import TensorType
from ..base import GraphOp, dims_text, normalize_axis, same_dtype, same_shape

MOST_PARTS = 256  # operands of a concat: more are joined in steps, so that no kernel reads them all


@define_op(Trait.MOVEMENT)
class Concat(GraphOp):
    """The concatenation of the operands along an axis (ONNX Concat)."""

    name = "graph.concat"
    parts = operands()
    axis = attribute(INT)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        types = [value.type for value in self.parts]
        if not types:
            raise op_error(self, "needs at least one operand")
        same_dtype(self, types)
        shape = list(types[0].shape)
        axis = normalize_axis(self, self.axis, len(shape))
        for type in types:
            first, other = ((*t.shape[:axis], *t.shape[axis + 1 :]) for t in (types[0], type))
            pair = f"{dims_text(types[0].shape)} and {dims_text(type.shape)}"
            same_shape(self, first, other, f"{pair} cannot be concatenated along axis {axis}")
        if not shape:
            raise op_error(self, "cannot concatenate scalars", "reshape them to one dimension")
        shape[axis] = total(type.shape[axis] for type in types)
        return [TensorType(tuple(shape), types[0].dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        axis = self.axis % len(index)
        kept = [value for value in self.parts if value.type.shape[axis] != 0] or list(self.parts[:1])
        begins: list[Dim] = [0]
        for value in kept:
            begins.append(begins[-1] + value.type.shape[axis])
        loads = [
            scalars.load(value, (*index[:axis], index[axis] - begin, *index[axis + 1 :]))
            for value, begin in zip(kept, begins[:-1], strict=True)
        ]

        def chosen(first: int, last: int) -> Expr:
            # A binary choice keeps the expression's depth, and the tests per element, logarithmic.
            if last - first == 1:
                return loads[first]
            middle = (first + last + 1) // 2
            inside = scalars.inside(index[axis], 0, begins[middle])
            return scalars.select(inside, chosen(first, middle), chosen(middle, last))

        return chosen(0, len(loads))

    def evaluate(self, evaluation: Evaluation, *parts: Any) -> Any:
        return np.concatenate(parts, axis=self.axis)
