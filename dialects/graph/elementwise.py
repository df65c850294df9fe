"""Elementwise ops: unary and binary ones by name, then casts, clipping and selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.attributes import BOOL as BOOLEAN
from ..core.attributes import DTYPE, EnumKind
from ..core.diagnostics import op_error
from ..core.dtypes import BOOL, F8E8M0, F32, FLOATS8, U8, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.ir import Operation
from ..core.op import attribute, define_op, operand, optional_operand, result
from ..core.parts import AttributeAt
from ..core.traits import Trait
from ..core.types import TensorType
from . import activations, binary, trigonometric, unary
from .base import PLAIN_MS, GraphOp, broadcast_shapes, same_dtype
from .elementwise_base import Broadcasting, check_kind
from .extremes import larger, smaller
from .formula import Term
from .numeric import Array, converted
from .small_floats import ROUND_MODES, overflowing, power_of_two

ROUND_MODE = EnumKind(ROUND_MODES)


@define_op(Trait.ELEMENTWISE)
class Cast(GraphOp):
    """Converts the element type (ONNX Cast): floats round to nearest even, float to integer truncates and
    saturates (NaN gives 0), integers wrap, bool is x != 0.

    Floats of at most 8 bits saturate; with `saturate` off, which exists for those of 8 bits, they overflow to
    infinity or else NaN. `round_mode`, which exists for f8e8m0, is 'up' (away from zero), 'down' or
    'nearest'.
    """

    name = "graph.cast"
    compile_ms = PLAIN_MS
    x = operand()
    to = attribute(DTYPE)
    saturate = attribute(BOOLEAN, True)
    round_mode = attribute(ROUND_MODE, "up")
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if not self.saturate and self.to not in (*FLOATS8, F8E8M0):
            raise op_error(
                self, f"a cast to {self.to} cannot do without saturate", at=AttributeAt("saturate")
            )
        if self.round_mode != "up" and self.to != F8E8M0:
            message = f"a cast to {self.to} has no round_mode '{self.round_mode}'"
            raise op_error(self, message, at=AttributeAt("round_mode"))
        return [self.x.type.with_dtype(self.to)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x = scalars.load(self.x, index)
        if x.dtype == self.to or (self.saturate and self.round_mode == "up"):
            return scalars.cast(x, self.to)
        wide = Term(scalars, x).cast(F32)
        if self.to == F8E8M0:
            return power_of_two(wide, self.saturate, self.round_mode).expr
        return overflowing(wide, self.to).expr

    def evaluate(self, evaluation: Evaluation, x: Array) -> Array:
        return converted(x, self.to, saturate=self.saturate, round_mode=self.round_mode)


@define_op(Trait.ELEMENTWISE)
class BitCast(GraphOp):
    """The bits of each element as another type of the same width (ONNX BitCast); bool is x != 0."""

    name = "graph.bit_cast"
    compile_ms = PLAIN_MS
    x = operand()
    to = attribute(DTYPE)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if self.to.bits != self.x.type.dtype.bits:
            raise op_error(self, f"{self.x.type.dtype} and {self.to} differ in width", at=AttributeAt("to"))
        return [self.x.type.with_dtype(self.to)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x = scalars.load(self.x, index)
        if self.to != BOOL:
            return scalars.bit_cast(x, self.to)
        return scalars.cast(scalars.bit_cast(x, U8 if x.dtype != BOOL else BOOL), BOOL)

    def evaluate(self, evaluation: Evaluation, x: Array) -> Array:
        return x.view(np.uint8) != 0 if self.to == BOOL else x.view(self.to.numpy)


@define_op(Trait.ELEMENTWISE)
class Clip(Broadcasting):
    """min(max(x, low), high) with rank-0 bounds, each optional; NaN stays NaN (ONNX Clip)."""

    name = "graph.clip"
    compile_ms = PLAIN_MS
    x = operand()
    low = optional_operand()
    high = optional_operand()
    y = result()
    cost = 2

    def infer(self) -> Sequence[TensorType]:
        if any(bound is not None and bound.type.rank for bound in (self.low, self.high)):
            raise op_error(self, "the bounds must have no dimensions")
        return super().infer()

    def compute(self, x: Array, low: Array | None = None, high: Array | None = None) -> Any:
        raised = x if low is None else larger(x, low)
        return raised if high is None else smaller(raised, high)

    def formula(self, x: Term, low: Term | None = None, high: Term | None = None) -> Term:
        raised = x if low is None else x.call("max", low)
        return raised if high is None else raised.call("min", high)


@define_op(Trait.ELEMENTWISE)
class Prelu(Broadcasting):
    """x, or slope * x below zero (ONNX PRelu)."""

    name = "graph.prelu"
    compile_ms = PLAIN_MS
    x = operand()
    slope = operand()
    y = result()
    cost = 2

    def compute(self, x: Array, slope: Array) -> Any:
        return np.where(x < 0, x * slope, x)

    def formula(self, x: Term, slope: Term) -> Term:
        return (x < 0).choose(x * slope, x)


@define_op(Trait.ELEMENTWISE)
class Where(Broadcasting):
    """x where the condition holds, else y (ONNX Where)."""

    name = "graph.where"
    compile_ms = PLAIN_MS
    condition = operand()
    x = operand()
    y = operand()
    z = result()
    cost = 0

    def result_dtype(self) -> DType:
        return self.x.type.dtype

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.condition, (BOOL.kind,))
        same_dtype(self, [self.x.type, self.y.type])
        shape = broadcast_shapes(self, [value.type.shape for value in self.inputs])
        return [TensorType(shape, self.result_dtype())]

    def compute(self, condition: Array, x: Array, y: Array) -> Any:
        return np.where(condition, x, y)

    def formula(self, condition: Term, x: Term, y: Term) -> Term:
        return condition.choose(x, y)


OPS: tuple[type[Operation], ...] = (
    *unary.OPS,
    *trigonometric.OPS,
    *binary.OPS,
    *activations.OPS,
    Cast,
    BitCast,
    Clip,
    Prelu,
    Where,
)
