"""Scales and zero points of quantized tensors: read from a node's inputs, checked, and applied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...dialects.core.affine import Dim, ceildiv
from ...dialects.core.dtypes import F32, DType
from ...dialects.core.types import TensorType
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement import Expand, Reshape
from ...dialects.graph.quantization import FLOATS, INTEGERS, Dequantize, Quantize
from .call import Call
from .problems import Malformed, Refused, shown
from .tensor import Tensor


@dataclass(frozen=True)
class ImportedScaling:
    """A scale and a zero point (None: 0): per tensor, along an axis, or per block along an axis."""

    scale: Tensor
    zero_point: Tensor | None = None
    axis: int = 0
    block: int = 0


def input_name(call: Call, index: int) -> str:
    """Input INDEX of the node as a message shows it."""
    return shown(call.node.input[index]) if index < len(call.node.input) else f"{index}"


def read_scaling(
    call: Call,
    x: TensorType,
    first: int,
    dtype: DType,
    *,
    axis: int = 0,
    block: int = 0,
    broadcast: bool = False,
) -> ImportedScaling:
    """The scale at input FIRST and the zero point behind it, for a tensor of shape X stored as DTYPE.

    With BROADCAST one of them may be a single number and the other one per position of the axis.
    Malformed, naming the input, when they do not fit X, the axis or each other, or when a constant
    scale is not a positive number.
    """
    scale, zero = call.input(first), call.optional(first + 1)
    _check_positive(call, scale, first)
    if scale.dtype.is_integer:
        scale = call.emit(Cast, scale, to=F32)
    if broadcast and zero is not None:
        scale, zero = _broadcast(call, scale, zero)
    if not block and scale.rank <= 1 and scale.type.elements == 1:
        one = None if zero is None else _single(call, zero, first + 1)
        return ImportedScaling(_scalar(call, scale), _read_zero(call, one, first + 1, dtype))
    axis = _checked_axis(call, scale, first, x, axis, block)
    if zero is not None:
        named = f"its zero point {input_name(call, first + 1)} is {zero.type}"
        call.require_shape(
            zero.shape, scale.shape, f"{named}, but its scale {input_name(call, first)} is {scale.type}"
        )
    return ImportedScaling(scale, _read_zero(call, zero, first + 1, dtype), axis, block)


def _check_positive(call: Call, scale: Tensor, index: int) -> None:
    if scale.data is None:
        return
    numbers = scale.data.astype(np.float64).reshape(-1)
    wrong = numbers[~((numbers > 0) & np.isfinite(numbers))]
    if wrong.size:
        raise Malformed(
            f"its scale {input_name(call, index)} has the value {wrong[0]:g}; it must be positive"
        )


def _checked_axis(call: Call, scale: Tensor, index: int, x: TensorType, axis: int, block: int) -> int:
    """AXIS from the front; Malformed unless the scale has the shape that goes with it."""
    if not -x.rank <= axis < x.rank:
        raise Malformed(f"axis {axis} is outside {x}, which its scale {input_name(call, index)} is for")
    axis %= x.rank
    wanted: tuple[Dim, ...] = (x.shape[axis],)
    if block:
        wanted = (*x.shape[:axis], ceildiv(x.shape[axis], block), *x.shape[axis + 1 :])
    sizes = ", ".join(map(str, wanted))
    named = f"its scale {input_name(call, index)} is {scale.type}"
    call.require_shape(scale.shape, wanted, f"{named}; for axis {axis} of {x}, [{sizes}] is wanted")
    return axis


def _broadcast(call: Call, scale: Tensor, zero: Tensor) -> tuple[Tensor, Tensor]:
    """SCALE and ZERO, the one that is a single number repeated to the shape of the other."""
    if scale.type.elements == 1 and zero.rank == 1:
        scale = call.emit(Expand, _scalar(call, scale), shape=zero.shape)
    elif zero.type.elements == 1 and scale.rank == 1:
        zero = call.emit(Expand, _scalar(call, zero), shape=scale.shape)
    return scale, zero


def _scalar(call: Call, tensor: Tensor) -> Tensor:
    return tensor if tensor.rank == 0 else call.emit(Reshape, tensor, shape=())


def _single(call: Call, zero: Tensor, index: int) -> Tensor:
    if zero.type.elements != 1 or zero.rank > 1:
        raise Malformed(
            f"its zero point {input_name(call, index)} is {zero.type}, but its scale is one number"
        )
    return _scalar(call, zero)


def _read_zero(call: Call, zero: Tensor | None, index: int, dtype: DType) -> Tensor | None:
    """The zero point when it may be other than 0; floats and i32 have none."""
    if zero is None:
        return None
    if zero.dtype != dtype:
        raise Malformed(f"its zero point {input_name(call, index)} is {zero.type}, {dtype} is wanted")
    if zero.data is not None and not np.any(zero.data.astype(np.float32)):
        return None
    if dtype not in INTEGERS:
        raise Refused(f"a zero point of {dtype} other than 0, {input_name(call, index)}, is not supported")
    return zero


# ------------------------------------------------------------ both directions


def quantized(
    call: Call, x: Tensor, scaling: ImportedScaling, dtype: DType, *, offset_first: bool = False
) -> Tensor:
    """X stored as DTYPE; with OFFSET_FIRST the zero point is added before rounding."""
    if dtype not in (*INTEGERS, *FLOATS):
        raise Malformed(f"{dtype} is no type to quantize to")
    operands = (x, scaling.scale, scaling.zero_point)
    late = {"offset_first": True} if offset_first and scaling.zero_point is not None else {}
    return call.emit(Quantize, *operands, axis=scaling.axis, block=scaling.block, to=dtype, **late)


def dequantized(call: Call, q: Tensor, scaling: ImportedScaling, to: DType | None = None) -> Tensor:
    """The numbers that Q stands for, in the type of the scale unless TO is given."""
    operands = (q, scaling.scale, scaling.zero_point)
    dtype = to or scaling.scale.dtype
    return call.emit(Dequantize, *operands, axis=scaling.axis, block=scaling.block, to=dtype)


def read_dequantized(call: Call, index: int, *, axis: int = 0) -> tuple[Tensor, ImportedScaling]:
    """The numbers that input INDEX stands for, and the scale and zero point that are right behind it.

    AXIS says along which dimension a scale of more than one element changes.
    """
    q = call.input(index)
    if q.dtype not in (*INTEGERS, *FLOATS):
        raise Malformed(f"its input {input_name(call, index)} is {q.type}, which is not quantized")
    scaling = read_scaling(call, q.type, index + 1, q.dtype, axis=axis, broadcast=True)
    return dequantized(call, q, scaling), scaling


def requantized(
    call: Call, y: Tensor, first: int, dtype: DType, *, axis: int = 0, offset_first: bool = False
) -> Tensor:
    """Y stored with the scale at input FIRST, in the type of the zero point behind it or else in DTYPE."""
    zero = call.optional(first + 1)
    dtype = dtype if zero is None else zero.dtype
    scaling = read_scaling(call, y.type, first, dtype, axis=axis)
    return quantized(call, y, scaling, dtype, offset_first=offset_first)
