"""What the passes on quantised tensors ask about them: scales and zero points that are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ....dialects.core.ir import Module, Value
from ....dialects.graph.movement import Reshape
from ....dialects.graph.quantization import Dequantize
from ..matching import constant_array, produced_by

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Scaled:
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
        return (
            numbers.reshape([-1 if at == self.axis else 1 for at in range(rank)]) if numbers.ndim else numbers
        )


def scaled(value: Value | None, module: Module) -> Scaled | None:
    """VALUE as a dequantised tensor with constant scales, one or one per position of an axis; else None."""
    op = produced_by(value, Dequantize)
    if op is None or op.block:
        return None
    scale = constant_array(op.scale, module)
    zero = np.zeros((), np.int64) if op.zero_point is None else constant_array(op.zero_point, module)
    if scale is None or zero is None or scale.dtype != np.float32 or not positive(scale):
        return None
    return Scaled(op.x, scale, zero.astype(np.int64), op.axis)


def positive(scale: Array) -> bool:
    """True when all of SCALE are positive numbers."""
    return bool(np.isfinite(scale).all() and (scale > 0).all())


def through_reshape(value: Value) -> Value:
    """What VALUE is a reshape of, or VALUE itself."""
    inner = produced_by(value, Reshape)
    return value if inner is None else inner.x
