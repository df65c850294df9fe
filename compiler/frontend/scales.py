"""Scales and zero points of quantized tensors: read from a node's inputs, checked, and applied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...dialects.core.affine import Dim, ceildiv
from ...dialects.core.dtypes import F32, DType
from ...dialects.core.types import TensorType
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.quantization import FLOATS, INTEGERS, Dequantize, Quantize
from .call import Call
from .problems import Malformed, Refused, shown
from .tensor import Tensor


@dataclass(frozen=True)
class ImportedScaling:
    """A scale and a zero point (None: 0): per tensor, per channel of an axis, or per block along an axis."""

    scale: Tensor
    zero_point: Tensor | None = None
    axis: int = 0
    block: int = 0


def input_name(call: Call, index: int) -> str:
    """The name of input INDEX of the node, for messages."""
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
    zero_at: int | None = None,
) -> ImportedScaling:
    """The scale at input FIRST and the zero point after it or at input ZERO_AT, for a tensor of type X stored
    as DTYPE.

    With BROADCAST one of them may be per tensor and the other per channel. Raises Malformed, naming the
    input, if they do not fit X, the axis or each other, or if a constant scale is not positive; Refused for a
    zero point that DTYPE cannot have.
    """
    second = first + 1 if zero_at is None else zero_at
    scale, zero = call.input(first), call.optional(second)
    _check_positive(call, scale, first)
    if scale.dtype.is_integer:
        scale = call.emit(Cast, scale, to=F32)
    if broadcast and zero is not None:
        scale, zero = _broadcast(call, scale, zero)
    if not block and scale.rank <= 1 and scale.type.elements == 1:
        one = None if zero is None else _single(call, zero, second)
        return ImportedScaling(_scalar(call, scale), _read_zero(call, one, second, dtype))
    axis = _checked_axis(call, scale, first, x, axis, block)
    if zero is not None:
        named = f"its zero point {input_name(call, second)} is {zero.type}"
        call.require_shape(
            zero.shape, scale.shape, f"{named}, but its scale {input_name(call, first)} is {scale.type}"
        )
    return ImportedScaling(scale, _read_zero(call, zero, second, dtype), axis, block)


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
    """AXIS, counted from the front. Raises Malformed unless the scale fits it."""
    if not -x.rank <= axis < x.rank:
        raise Malformed(f"axis {axis} is outside {x}, which its scale {input_name(call, index)} is for")
    axis %= x.rank
    wanted: tuple[Dim, ...] = (x.shape[axis],)
    if block:
        wanted = (*x.shape[:axis], ceildiv(x.shape[axis], block), *x.shape[axis + 1 :])
    sizes = ", ".join(map(str, wanted))
    named = f"its scale {input_name(call, index)} is {scale.type}"
    call.require_shape(scale.shape, wanted, f"{named}; for axis {axis} of {x}, [{sizes}] is expected")
    return axis


def _broadcast(call: Call, scale: Tensor, zero: Tensor) -> tuple[Tensor, Tensor]:
    """SCALE and ZERO; a single number is expanded to the shape of the other."""
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
    """The zero point; None if it is certainly 0. Raises Refused for a DTYPE that cannot have one."""
    if zero is None:
        return None
    if zero.dtype != dtype:
        raise Malformed(f"its zero point {input_name(call, index)} is {zero.type}, {dtype} is expected")
    if zero.data is not None and not np.any(zero.data.astype(np.float32)):
        return None
    if dtype not in (*INTEGERS, *FLOATS):
        raise Refused(f"a zero point of {dtype} other than 0, {input_name(call, index)}, is not supported")
    return zero


# ------------------------------------------------------------ both directions


def quantized(
    call: Call,
    x: Tensor,
    scaling: ImportedScaling,
    dtype: DType,
    *,
    offset_first: bool = False,
    saturate: bool = True,
    precision: DType = F32,
) -> Tensor:
    """X quantized to DTYPE; with OFFSET_FIRST the zero point is added before rounding.

    SATURATE and PRECISION are those of `graph.quantize`.
    """
    if dtype not in (*INTEGERS, *FLOATS):
        raise Malformed(f"{dtype} is not a type to quantize to")
    operands = (x, scaling.scale, scaling.zero_point)
    stated: dict[str, object] = {}
    if offset_first and scaling.zero_point is not None:
        stated["offset_first"] = True
    if not saturate:
        stated["saturate"] = False
    if precision != F32:
        stated["precision"] = precision
    return call.emit(Quantize, *operands, axis=scaling.axis, block=scaling.block, to=dtype, **stated)


def dequantized(call: Call, q: Tensor, scaling: ImportedScaling, to: DType | None = None) -> Tensor:
    """Q dequantized, to the type TO or else that of the scale."""
    operands = (q, scaling.scale, scaling.zero_point)
    dtype = to or scaling.scale.dtype
    return call.emit(Dequantize, *operands, axis=scaling.axis, block=scaling.block, to=dtype)


def read_dequantized(
    call: Call, index: int, *, axis: int = 0, scale_at: int | None = None, zero_at: int | None = None
) -> tuple[Tensor, ImportedScaling]:
    """Input INDEX, dequantized by the scale and zero point in the next two inputs or at SCALE_AT and ZERO_AT.

    Returns its scaling, too. AXIS is that of a per-channel scale. Raises Malformed for an input that is not
    quantized.
    """
    q = call.input(index)
    if q.dtype not in (*INTEGERS, *FLOATS):
        raise Malformed(f"its input {input_name(call, index)} is {q.type}, which is not quantized")
    first = index + 1 if scale_at is None else scale_at
    scaling = read_scaling(call, q.type, first, q.dtype, axis=axis, broadcast=True, zero_at=zero_at)
    return dequantized(call, q, scaling), scaling


def requantized(
    call: Call, y: Tensor, first: int, dtype: DType, *, axis: int = 0, offset_first: bool = False
) -> Tensor:
    """Y quantized by the scale at input FIRST, to the type of the zero point after it, or else to DTYPE."""
    zero = call.optional(first + 1)
    dtype = dtype if zero is None else zero.dtype
    scaling = read_scaling(call, y.type, first, dtype, axis=axis)
    return quantized(call, y, scaling, dtype, offset_first=offset_first)
