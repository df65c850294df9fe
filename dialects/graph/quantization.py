"""Quantization: real numbers as integers or floats of a few bits, and back.

A quantized tensor q represents the real numbers (q - zero_point) * scale. There is one scale and zero point
for the whole tensor, per position along an axis, or per block of positions along it. A missing zero
point is 0.

Arithmetic is in f32, but for a division whose `precision` is less. NaN becomes 0 in a type that has none and
stays NaN in an 8-bit float. Scales may be powers of two (f8e8m0).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.affine import Dim, ceildiv, floordiv
from ..core.attributes import BOOL, DTYPE, INT
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import (
    BF16,
    F4E2M1,
    F8E8M0,
    F16,
    F32,
    FLOATS6,
    FLOATS8,
    I8,
    I16,
    I32,
    INTEGERS4,
    U8,
    U16,
    DType,
)
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.ir import Operation, Value
from ..core.op import attribute, define_op, operand, optional_operand, result
from ..core.parts import AttributeAt
from ..core.traits import Trait
from ..core.types import TensorType
from .base import PLAIN_MS, GraphOp, normalize_axis, same_shape
from .formula import Term, load
from .numeric import converted, widened
from .small_floats import overflowing

INTEGERS = (I8, U8, I16, U16, *INTEGERS4)
FLOATS = (*FLOATS8, *FLOATS6, F4E2M1)
REALS = (F32, F16, BF16)


class Scaling(GraphOp):
    """Base class of both directions: x, its scale and zero point, and the axis that these vary along.

    scale and zero_point have rank 0 (per tensor) or 1 (one element per position of `axis`). With `block` > 0
    they have the rank of x, and one element per `block` positions along `axis`.
    """

    x = operand()
    scale = operand()
    zero_point = optional_operand()
    axis = attribute(INT, 0)
    block = attribute(INT, 0)
    to = attribute(DTYPE)
    y = result()
    cost: ClassVar[int] = 2

    @property
    def quantized(self) -> DType:
        """The element type of the quantized side."""
        raise NotImplementedError

    @property
    def per_tensor(self) -> bool:
        """Whether one scale applies to all of x."""
        return self.scale.type.rank == 0

    def infer(self) -> Sequence[TensorType]:
        if self.scale.type.dtype not in (*REALS, F8E8M0):
            raise op_error(
                self,
                f"the scale is of type {self.scale.type.dtype}, a float is expected",
                at=operand_at(self, self.scale),
            )
        self._check_shape()
        zero = self.zero_point
        if zero is None:
            return [self.x.type.with_dtype(self.to)]
        if zero.type.dtype != self.quantized or self.quantized not in (*INTEGERS, *FLOATS):
            raise op_error(
                self,
                f"a zero point of type {zero.type.dtype} for a tensor of {self.quantized}",
                at=operand_at(self, zero),
            )
        message = f"the zero point {zero.type} has another shape than {self.scale.type}"
        same_shape(self, zero.type.shape, self.scale.type.shape, message, operand_at(self, zero))
        return [self.x.type.with_dtype(self.to)]

    def _check_shape(self) -> None:
        """Raise a located IRError unless the scale has the shape that axis and block require."""
        shape, given = self.x.type.shape, self.scale.type.shape
        if self.block < 0 or (self.per_tensor and self.block):
            raise op_error(
                self, f"blocks of {self.block} do not fit a scale without dimensions", at=AttributeAt("block")
            )
        if self.per_tensor:
            return
        axis = normalize_axis(self, self.axis, len(shape))
        wanted: tuple[Dim, ...] = (shape[axis],) if shape else ()
        if self.block:
            wanted = (*shape[:axis], ceildiv(shape[axis], self.block), *shape[axis + 1 :])
        sizes = ", ".join(map(str, wanted))
        message = f"the scale {self.scale.type} does not fit axis {axis}: [{sizes}] is expected"
        if self.axis < 0:
            raise op_error(self, message, at=AttributeAt("axis"))
        same_shape(self, wanted, given, message, operand_at(self, self.scale))

    def compute(self, x: Array, scale: Array, zero_point: Array | None) -> Any:
        """The result in numpy, before conversion to its type; operands in f32."""
        raise NotImplementedError

    def formula(self, x: Term, scale: Term, zero_point: Term | None) -> Term:
        """An element of y, before conversion to its type, as a formula over f32 terms."""
        raise NotImplementedError

    # ------------------------------------------------------------ scalar definition

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x = load(scalars, self.x, index).cast(F32)
        scale = self._parameter(scalars, self.scale, index)
        zero = None if self.zero_point is None else self._parameter(scalars, self.zero_point, index)
        return self.finished(self.formula(x, scale, zero)).expr

    def finished(self, y: Term) -> Term:
        """An element of y, of `formula`, in its type."""
        return y.cast(self.to)

    def _parameter(self, scalars: Scalars, value: Value, index: Index) -> Term:
        """The scale or zero point of the element at INDEX, in f32."""
        if self.per_tensor:
            return load(scalars, value, ()).cast(F32)
        if not self.block:
            return load(scalars, value, (index[self.axis],)).cast(F32)
        at = list(index)
        at[self.axis] = floordiv(index[self.axis], self.block)
        return load(scalars, value, at).cast(F32)

    # ------------------------------------------------------------ numpy

    def evaluate(self, evaluation: Evaluation, x: Any, scale: Any, zero_point: Any = None) -> Array:
        zero = None if zero_point is None else self._spread(zero_point, x.shape)
        with np.errstate(all="ignore"):
            y = self.compute(widened(x).astype(np.float32), self._spread(scale, x.shape), zero)
            return self.typed(y)

    def typed(self, y: Any) -> Array:
        """Y, of `compute`, as the type of the result."""
        return converted(y, self.to)

    def _spread(self, array: Array, shape: tuple[int, ...]) -> Array:
        """Scales or zero points in f32, one per element of a tensor of SHAPE, or broadcastable to it."""
        wide: Array = np.asarray(array).astype(np.float32)
        if self.per_tensor:
            return wide
        if self.block:
            return np.repeat(wide, self.block, axis=self.axis).take(range(shape[self.axis]), axis=self.axis)
        return wide.reshape([-1 if axis == self.axis else 1 for axis in range(len(shape))])

    def flops(self) -> Dim:
        return self.y.type.elements * self.cost


@define_op(Trait.ELEMENTWISE)
class Quantize(Scaling):
    """saturate(round(x / scale) + zero_point), rounding half to even (ONNX QuantizeLinear).

    With `offset_first` it is saturate(round(x / scale + zero_point)), which differs where x / scale is
    halfway and the zero point odd (ONNX Runtime's QLinearAdd, QLinearMul and QLinearAveragePool). Floats are
    rounded after the division and the zero point; those of 8 bits overflow with `saturate` off. The
    quotient is rounded to the type `precision`.
    """

    name = "graph.quantize"
    compile_ms = PLAIN_MS
    offset_first = attribute(BOOL, False)
    saturate = attribute(BOOL, True)
    precision = attribute(DTYPE, F32)
    cost = 3

    @property
    def quantized(self) -> DType:
        return self.to  # type: ignore[no-any-return]

    def infer(self) -> Sequence[TensorType]:
        if self.to not in (*INTEGERS, *FLOATS):
            raise op_error(self, f"cannot quantize to {self.to}", at=AttributeAt("to"))
        if self.x.type.dtype not in (*REALS, I32):
            raise op_error(
                self,
                f"takes f32, f16, bf16 or i32 elements, not {self.x.type.dtype}",
                at=operand_at(self, self.x),
            )
        if not self.saturate and self.to not in FLOATS8:
            raise op_error(self, f"{self.to} cannot do without saturate", at=AttributeAt("saturate"))
        if self.precision not in REALS:
            message = f"divides in f32, f16 or bf16, not in {self.precision}"
            raise op_error(self, message, at=AttributeAt("precision"))
        return super().infer()

    def compute(self, x: Array, scale: Array, zero_point: Array | None) -> Any:
        ratio = self._ratio(x, scale)
        if self.to.is_float or self.offset_first:
            moved = ratio if zero_point is None else ratio + zero_point
            return moved if self.to.is_float else np.rint(moved)
        whole = np.rint(ratio)
        return whole if zero_point is None else whole + zero_point

    def _ratio(self, x: Array, scale: Array) -> Array:
        if self.precision.bits >= F32.bits:
            return np.asarray(x / scale)  # also for f64, in which a plan is checked without any rounding
        kind = self.precision.numpy
        return np.asarray(x.astype(kind) / scale.astype(kind)).astype(np.float32)

    def typed(self, y: Any) -> Array:
        least, most = self.to.limits
        narrow = y if self.to.is_float else np.clip(y, least, most)
        return converted(narrow, self.to, saturate=self.saturate)

    def formula(self, x: Term, scale: Term, zero_point: Term | None) -> Term:
        ratio = (x.cast(self.precision) / scale.cast(self.precision)).cast(F32)
        if self.to.is_float or self.offset_first:
            moved = ratio if zero_point is None else ratio + zero_point
            return moved if self.to.is_float else moved.call("round")
        whole = ratio.call("round")
        return whole if zero_point is None else whole + zero_point

    def finished(self, y: Term) -> Term:
        if not self.saturate:
            return overflowing(y, self.to)
        if self.to not in INTEGERS4:  # the other casts saturate
            return y.cast(self.to)
        least, most = self.to.limits
        return y.call("max", least).call("min", most).cast(self.to)


@define_op(Trait.ELEMENTWISE, Trait.ENCODING)
class Dequantize(Scaling):
    """(x - zero_point) * scale (ONNX DequantizeLinear); i32, the type of biases, has no zero point."""

    name = "graph.dequantize"
    compile_ms = PLAIN_MS

    @property
    def quantized(self) -> DType:
        return self.x.type.dtype

    def infer(self) -> Sequence[TensorType]:
        if self.x.type.dtype not in (*INTEGERS, *FLOATS, I32):
            raise op_error(self, f"{self.x.type.dtype} is not a quantized type", at=operand_at(self, self.x))
        if self.to not in REALS:
            raise op_error(self, f"gives f32, f16 or bf16 elements, not {self.to}", at=AttributeAt("to"))
        return super().infer()

    def compute(self, x: Array, scale: Array, zero_point: Array | None) -> Any:
        return (x if zero_point is None else x - zero_point) * scale

    def formula(self, x: Term, scale: Term, zero_point: Term | None) -> Term:
        return (x if zero_point is None else x - zero_point) * scale


OPS: tuple[type[Operation], ...] = (Quantize, Dequantize)
