"""Contractions of quantized tensors, computed on the stored numbers: bytes or 8-bit floats.

    conv((x - zx) * sx, w * sw)  =>  (conv(x, w) - zx * sum(w)) * (sx * sw)

The sums of bytes are exact in i32; those of 8-bit floats are kept in f32. Weights are stored less
their zero point where that leaves them bytes, and else as they are:

    conv(x - zx, w - zw)  =>  conv(x, w) - zw * conv(x, 1) - zx * sum(w - zw)

where conv(x, 1) has one output channel: what the windows of x add up to. A depthwise convolution would
have as many of these sums as results; it multiplies w - zw in 16 bits instead, which costs it nothing,
since it waits for x and makes its products in i32. Where the window of a
convolution reaches past the edge, the stored number for zero is x's zero point, so an x that has one is
padded with it first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ....dialects.core.affine import Dim, product
from ....dialects.core.dtypes import EIGHT_BIT_FLOATS, F32, I8, I32, U8, DType, from_numpy
from ....dialects.core.ir import Value
from ....dialects.core.module import Module
from ....dialects.graph.binary import Add, Mul, Sub
from ....dialects.graph.constants import constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.movement.pad import Pad
from ...patterns.channel_scale import broadcast_along, channel_axis, weight_axis, weight_of
from ...patterns.matching import constant_array
from ...patterns.rewrite import Rewriter, pattern
from .dequantized import Dequantized, as_dequantized, less_zero_point
from .window_sums import window_sums

Array = np.ndarray[Any, Any]
BYTES = (I8, U8)
LARGEST_SUM = 2**31 - 1
LARGEST_PRODUCT = 255 * 255
NO_BYTES = "its weights less their zero point do not fit into bytes"


@dataclass(frozen=True)
class Stored:
    """A contraction whose operands are both quantized.

    weights: w's stored numbers less their zero point; held: the numbers that are multiplied; rest: the zero
    point that is still in `held`, None where that is `weights`.
    """

    x: Dequantized
    w: Dequantized
    weights: Array
    held: Array
    rest: Array | None
    accumulate: DType


def stored_operands(op: Conv | Matmul, module: Module) -> Stored | str | None:
    """OP's quantized operands; a refusal as text; None if no operand is quantized."""
    x, w = as_dequantized(op.inputs[0], module), as_dequantized(weight_of(op), module)
    if x is None and w is None:
        return None
    if x is None or w is None:
        return "only one of its operands is quantized"
    stored = constant_array(w.stored, module)
    if stored is None:
        return "its second operand is not a constant"
    centred = less_zero_point(stored, w.zero_point, w.axis)
    refusal = _scales(op, x, w)
    if refusal is None:
        refusal = _types(x.stored.type.dtype, stored if centred is None else centred, depth(op))
        refusal = NO_BYTES if refusal is not None and centred is None else refusal
    if refusal is not None:
        return refusal
    accumulate = I32 if x.stored.type.dtype in BYTES else F32
    if centred is not None:
        return Stored(x, w, centred, centred, None, accumulate)
    wide = (stored.astype(np.int64) - w.broadcast(w.zero_point, stored.ndim)).astype(np.int16)
    if is_depthwise(op):
        return Stored(x, w, wide, wide, None, accumulate)
    return Stored(x, w, wide, stored, w.zero_point, accumulate)


def _scales(op: Conv | Matmul, x: Dequantized, w: Dequantized) -> str | None:
    if op.result.type.dtype != F32:
        return f"its result is of type {op.result.type.dtype}"
    if not x.per_tensor:
        return "its first operand has a scale per channel"
    if not w.per_tensor and w.axis != weight_axis(op):
        return "the scales of its weights do not vary along the output channels"
    with np.errstate(all="ignore"):
        scale = x.scale * w.scale
    lost = (scale == 0) & (x.scale != 0) & (w.scale != 0)
    if not np.isfinite(scale).all() or lost.any():
        return "the product of its operands' scales overflows or underflows in f32"
    return None


def _types(a: DType, weights: Array, depth: Dim) -> str | None:
    b = from_numpy(weights.dtype)
    if a in EIGHT_BIT_FLOATS and b in EIGHT_BIT_FLOATS:
        return None
    if a not in BYTES or b not in BYTES:
        return f"no kernel multiplies {a} by {b} as stored"
    if not isinstance(depth, int) or depth * LARGEST_PRODUCT > LARGEST_SUM:
        return f"a sum of {depth} products of bytes may overflow i32"
    return None


def depth(op: Conv | Matmul) -> Dim:
    """The number of products in each of OP's sums."""
    return product(op.w.type.shape[1:]) if isinstance(op, Conv) else op.extents[2]


def is_depthwise(op: Conv | Matmul) -> bool:
    """Whether OP is a convolution with one input channel per group."""
    return isinstance(op, Conv) and op.groups > 1 and op.w.type.shape[1] == 1


@pattern("integer-contraction", Conv, Matmul)
def integer_contraction(op: Conv | Matmul, rewriter: Rewriter) -> bool:
    """conv(dequantize(x), dequantize(w)) => conv(x, w) * scale, on bytes with sums in i32; matmul likewise"""
    found = stored_operands(op, rewriter.module)
    return isinstance(found, Stored) and found.rest is None and _multiply(op, found, rewriter)


@pattern("integer-window-sums", Conv, Matmul)
def integer_window_sums(op: Conv | Matmul, rewriter: Rewriter) -> bool:
    """conv(dequantize(x), dequantize(w)) => (conv(x, w) - z * conv(x, 1)) * scale, where w - z is no byte"""
    found = stored_operands(op, rewriter.module)
    return isinstance(found, Stored) and found.rest is not None and _multiply(op, found, rewriter)


def _multiply(op: Conv | Matmul, found: Stored, rewriter: Rewriter) -> bool:
    sums = _sums(op, found, rewriter)
    numbers = sums if sums.type.dtype == F32 else rewriter.insert(Cast(sums, to=F32)).result
    scale = found.x.scale * found.w.scale
    factor = rewriter.insert(constant(rewriter.module, spread_out(op, scale)))
    rewriter.replace(op, rewriter.insert(Mul(numbers, factor.result)).result)
    return True


def _sums(op: Conv | Matmul, found: Stored, rewriter: Rewriter) -> Value:
    """The sums of products of stored numbers, less the terms that zero points add."""
    x, attributes = found.x.stored, {**op.attributes, "accumulate": found.accumulate}
    zero = int(found.x.zero_point)
    if zero and isinstance(op, Conv) and any(op.pads):
        x = _padded(op, x, found.x, rewriter)
        attributes["pads"] = (0,) * len(op.pads)
    w = found.w.stored
    if found.w.zero_point.any():
        w = rewriter.insert(constant(rewriter.module, found.held)).result
    sums = rewriter.insert(type(op)(x, w, **attributes)).result
    if found.rest is not None:
        factor = spread_out(op, found.rest.astype(np.int32))
        share = rewriter.insert(constant(rewriter.module, factor)).result
        share = rewriter.insert(Mul(window_sums(op, x, w, attributes, rewriter), share)).result
        sums = rewriter.insert(Sub(sums, share)).result
    if not zero:
        return sums
    surplus = -zero * _weight_sums(op, found.weights)
    correction = rewriter.insert(constant(rewriter.module, spread_out(op, surplus.astype(np.int32))))
    return rewriter.insert(Add(sums, correction.result)).result


def _padded(op: Conv, x: Value, quantized: Dequantized, rewriter: Rewriter) -> Value:
    half = len(op.pads) // 2
    pads = [0, 0, *op.pads[:half], 0, 0, *op.pads[half:]]
    number = quantized.zero_point.astype(x.type.dtype.numpy)
    value = rewriter.insert(constant(rewriter.module, number))
    return rewriter.insert(Pad(x, value.result, pads=pads)).result


def _weight_sums(op: Conv | Matmul, weights: Array) -> Array:
    """The sum of the weights of each output channel."""
    if isinstance(op, Conv):
        sums: Array = weights.astype(np.int64).sum(axis=tuple(range(1, weights.ndim)))
        return sums
    axis = -1 if op.transpose_b else -2
    total: Array = weights.astype(np.int64).sum(axis=axis, keepdims=weights.ndim > 2)
    return total


def spread_out(op: Conv | Matmul, numbers: Array) -> Array:
    """NUMBERS, one per tensor or per output channel, in a shape that broadcasts to OP's result."""
    rank = op.result.type.rank
    if numbers.ndim == 0:
        return numbers.reshape((1,) * rank)
    if numbers.ndim > 1:  # a matrix product of several weight matrices
        return numbers if isinstance(op, Matmul) and not op.transpose_b else numbers.swapaxes(-1, -2)
    return broadcast_along(channel_axis(op), rank, numbers, numbers.dtype)
