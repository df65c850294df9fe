"""Per-channel scales and shifts of a contraction's result, and folding them into its weights, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.types import TensorType
from ...dialects.graph.constants import Constant, constant
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.convolution import Conv, ConvTranspose
from ...dialects.graph.packed import PackedMatmul
from .matching import constant_array, only_use
from .rewrite import Rewriter

Array = np.ndarray[Any, Any]
Contraction = Conv | ConvTranspose | Matmul


def weight_of(op: Contraction | PackedMatmul) -> Value:
    """The operand that holds the weights."""
    return op.b if isinstance(op, Matmul) else op.w


def channel_axis(op: Contraction | PackedMatmul) -> int:
    """The axis of the output channels in OP's result."""
    return op.result.type.rank - 1 if isinstance(op, (Matmul, PackedMatmul)) else 1


def weight_axis(op: Conv | Matmul) -> int:
    """The axis of the output channels in OP's weights."""
    if isinstance(op, Conv):
        return 0
    rank = op.b.type.rank
    return rank - 2 if op.transpose_b else rank - 1


def by_channel(op: Contraction, weight: Array) -> Array:
    """WEIGHT of OP as a matrix [output channels, weights of a channel]."""
    if isinstance(op, ConvTranspose):
        # The weight is [C, M / groups, ...]: the input channels of group g contribute to its share of M.
        inputs, share = weight.shape[0] // op.groups, weight.shape[1]
        grouped = weight.reshape(op.groups, inputs, share, -1).swapaxes(1, 2)
        return grouped.reshape(op.groups * share, -1)
    axis = weight_axis(op)
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


def scalable(value: Value | None, module: Module) -> Contraction | None:
    """The float contraction with constant weights that defines VALUE, if VALUE has one use; else None."""
    if value is None or not only_use(value) or not value.type.dtype.is_float:
        return None
    op = value.producer
    if not isinstance(op, (Conv, ConvTranspose, Matmul)) or constant_array(weight_of(op), module) is None:
        return None
    return op if isinstance(op.result.type.shape[channel_axis(op)], int) else None


def per_channel(value: Value | None, result: TensorType, axis: int, module: Module) -> Array | None:
    """The constant VALUE, broadcast to RESULT, as a float64 array [channels] along AXIS.

    None when VALUE is not constant, varies along other axes, or would broadcast RESULT to a larger shape.
    """
    array = constant_array(value, module)
    channels = result.shape[axis]
    if array is None or array.ndim > result.rank or not isinstance(channels, int):
        return None
    shape = (1,) * (result.rank - array.ndim) + array.shape
    varies = any(size != 1 for other, size in enumerate(shape) if other != axis)
    if varies or shape[axis] not in (1, channels):
        return None
    return np.broadcast_to(array.reshape(-1).astype(np.float64), (channels,))


def broadcast_along(axis: int, rank: int, numbers: Array, dtype: Any) -> Array:
    """NUMBERS, one per channel, as an array of DTYPE that broadcasts along AXIS of a tensor of rank RANK."""
    with np.errstate(all="ignore"):
        return numbers.astype(dtype).reshape(-1, *(1,) * (rank - 1 - axis))


def scaled_contraction(op: Contraction, scale: Array, rewriter: Rewriter) -> Contraction:
    """A copy of OP with its weights multiplied by SCALE, one number per output channel, before the root."""
    weight = constant_array(weight_of(op), rewriter.module)
    assert weight is not None
    with np.errstate(all="ignore"):
        array = (weight.astype(np.float64) * _weight_scale(op, scale, weight)).astype(weight.dtype)
    new = rewriter.insert(constant(rewriter.module, array, _weight_location(op)))
    operands = [new.result if value is weight_of(op) else value for value in op.operands]
    result = type(op)(*operands, types=[op.result.type], loc=op.location, **op.attributes)
    return rewriter.insert(result)


def _weight_location(op: Contraction) -> Any:
    producer = weight_of(op).producer
    return producer.location if isinstance(producer, Constant) else op.location


def _weight_scale(op: Contraction, scale: Array, weight: Array) -> Array:
    """SCALE, reshaped so that it broadcasts to WEIGHT of OP."""
    spatial = (1,) * (weight.ndim - 2)
    match op:
        case Conv():
            return scale.reshape(-1, 1, *spatial)
        case ConvTranspose():
            # The weight is [C, M / groups, ...]: the input channels of group g contribute to its share of M.
            shares = scale.reshape(op.groups, 1, -1)
            rows = np.repeat(shares, weight.shape[0] // op.groups, axis=1)
            return rows.reshape(weight.shape[0], -1, *spatial)
        case Matmul():
            return scale.reshape(-1, 1) if op.transpose_b else scale


def shifted(value: Value, axis: int, shift: Array, rewriter: Rewriter, add: type[Operation]) -> Value:
    """add(VALUE, SHIFT) with SHIFT per channel along AXIS, or VALUE itself when SHIFT is all zeros."""
    if not shift.any():
        return value
    array = broadcast_along(axis, value.type.rank, shift, value.type.dtype.numpy)
    bias = rewriter.insert(constant(rewriter.module, array))
    return rewriter.insert(add(value, bias.result)).result
