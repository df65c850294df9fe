"""Queries about quantized tensors: their known scales and zero points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ....dialects.core.ir import Value
from ....dialects.core.module import Module
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.quantization import Dequantize
from ...patterns.matching import constant_array, produced_by

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Dequantized:
    """A tensor `stored` as whole numbers or 8-bit floats, which stand for (stored - zero_point) * scale.

    scale (f32) and zero_point (i64) have no dimensions, or one: that of `axis`.
    """

    stored: Value
    scale: Array
    zero_point: Array
    axis: int

    @property
    def per_tensor(self) -> bool:
        return self.scale.ndim == 0

    def broadcast(self, numbers: Array, rank: int) -> Array:
        """NUMBERS, such as scale, in a shape that broadcasts to the tensor, which has RANK dimensions."""
        return along_axis(numbers, self.axis, rank)


def as_dequantized(value: Value | None, module: Module) -> Dequantized | None:
    """VALUE as a dequantized tensor with constant scales, one or one per position of an axis; else None."""
    op = produced_by(value, Dequantize)
    if op is None or op.block or (op.zero_point is not None and op.quantized.is_float):
        return None
    scale = constant_array(op.scale, module)
    zero = np.zeros((), np.int64) if op.zero_point is None else constant_array(op.zero_point, module)
    if scale is None or zero is None or scale.dtype != np.float32 or not positive(scale):
        return None
    return Dequantized(op.x, scale, zero.astype(np.int64), op.axis)


def along_axis(numbers: Array, axis: int, rank: int) -> Array:
    """NUMBERS, none or one dimension of them, in a shape that broadcasts along AXIS of RANK dimensions."""
    return numbers.reshape([-1 if at == axis else 1 for at in range(rank)]) if numbers.ndim else numbers


def less_zero_point(stored: Array, zero_point: Array, axis: int) -> Array | None:
    """STORED less its zero point (one, or one per position of AXIS) as i8; None if that does not fit i8."""
    if not zero_point.any():
        return stored
    numbers = stored.astype(np.int64) - along_axis(zero_point.astype(np.int64), axis, stored.ndim)
    fits = numbers.size == 0 or (numbers.min() >= -128 and numbers.max() <= 127)
    return numbers.astype(np.int8) if fits else None


def positive(scale: Array) -> bool:
    """Whether all elements of SCALE are positive numbers."""
    return bool(np.isfinite(scale).all() and (scale > 0).all())


def through_reshape(value: Value) -> Value:
    """The operand of the reshape that produces VALUE; VALUE itself if none does."""
    inner = produced_by(value, Reshape)
    return value if inner is None else inner.x
