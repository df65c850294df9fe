"""Compile-time values: tensors, inline or among the weights, and symbolic integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.attributes import BOOL, DENSE, DIMS, SYMBOL
from ..core.diagnostics import op_error
from ..core.dtypes import I64, from_numpy
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.ir import Operation
from ..core.location import UNKNOWN, Location
from ..core.module import Module
from ..core.op import attribute, define_op, result
from ..core.parts import AttributeAt
from ..core.resources import ResourceTable
from ..core.traits import Trait
from ..core.types import TensorType
from .base import GraphOp

INLINE_ELEMENTS = 16


@define_op(Trait.CONSTANT, symbol="weight")
class Constant(GraphOp):
    """A constant tensor: `value` inline, or the resource @weight (ONNX Constant, initializers)."""

    name = "graph.constant"
    value = attribute(DENSE, None)
    weight = attribute(SYMBOL, None)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if (self.value is None) == (self.weight is None):
            raise op_error(self, "needs either an inline value or a @weight")
        module = self.module
        if self.value is None and (module is None or module.resources.lacks(str(self.weight))):
            # While the operation is in no module, or its text was read without weights, the given type is not
            # checked.
            return [value.type for value in self.results] or super().infer()
        array = self.array(module)
        return [TensorType(array.shape, from_numpy(array.dtype))]

    def array(self, module: Module | None = None) -> np.ndarray[Any, Any]:
        """The tensor in its logical shape. A weight is looked up in MODULE, by default the op's own; raises
        IRError if there is none."""
        if self.value is not None:
            return self.value  # type: ignore[no-any-return]
        module = module or self.module
        if module is None:
            raise op_error(self, "its weight can only be read within a module")
        return module.resources[str(self.weight)]

    def evaluate(self, evaluation: Evaluation) -> Any:
        return self.array(evaluation.module)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        array = self.value
        if array is None or array.size != 1:
            raise op_error(self, "only a constant of one element can be part of a kernel")
        return scalars.const(_number(array.reshape(-1)), self.y.type.dtype)


def _number(array: np.ndarray[Any, Any]) -> Any:
    """The only element of ARRAY as a Python number of the same value; a NaN stays a numpy scalar, to keep its
    bits."""
    if not from_numpy(array.dtype).is_float:
        return array.item()
    with np.errstate(invalid="ignore"):
        wide = float(array.astype(np.float64)[0])
    return array[0] if np.isnan(wide) else wide


def constant(target: Module | ResourceTable, array: Any, loc: Location = UNKNOWN) -> Constant:
    """A detached constant op for ARRAY: inline up to 16 elements, else stored in TARGET.

    Raises KeyError if GlassRT has no element type for the array's dtype.
    """
    array = np.asarray(array)
    dtype = from_numpy(array.dtype)
    if array.size <= INLINE_ELEMENTS:
        return Constant(value=array, loc=loc)
    resources = target.resources if isinstance(target, Module) else target
    return Constant(weight=resources.add(array), types=[TensorType(array.shape, dtype)], loc=loc)


@define_op()
class Dims(GraphOp):
    """Symbolic integers as an i64 tensor of rank 1, or of rank 0 with `scalar` (ONNX Shape and what is
    computed from it)."""

    name = "graph.dims"
    values = attribute(DIMS)
    scalar = attribute(BOOL, False)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if self.scalar and len(self.values) != 1:
            raise op_error(
                self, f"a scalar is one integer, {len(self.values)} are given", at=AttributeAt("values")
            )
        return [TensorType(() if self.scalar else (len(self.values),), I64)]

    def evaluate(self, evaluation: Evaluation) -> Any:
        numbers = np.array([evaluation.dim(value) for value in self.values], np.int64)
        return numbers.reshape(()) if self.scalar else numbers

    def define(self, scalars: Scalars, index: Index) -> Expr:
        if len(self.values) == 1:
            return scalars.index_value(self.values[0])
        (position,) = index
        chosen = scalars.index_value(self.values[-1] if self.values else 0)
        for place in reversed(range(len(self.values) - 1)):
            here = scalars.inside(position, place, place + 1)
            chosen = scalars.select(here, scalars.index_value(self.values[place]), chosen)
        return chosen


OPS: tuple[type[Operation], ...] = (Constant, Dims)
