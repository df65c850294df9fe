"""Importers of quantization, and of the standard's ops on quantized tensors.

All quantized models are imported in one form: a quantized tensor lies between `graph.quantize` and
`graph.dequantize`, and arithmetic is on dequantized floats.

  QLinearConv(x, w, b) => quantize(conv(dequantize(x), dequantize(w)) + dequantize(b))
"""

from __future__ import annotations

from onnx import TensorProto

from ...dialects.core.dtypes import F32, FLOATS8, I32, U8, DType
from ...dialects.graph.binary import Mul
from ...dialects.graph.quantization import REALS
from .call import Call, Outcome
from .ops_contraction import convolved, multiplied
from .problems import Malformed
from .scales import (
    ImportedScaling,
    dequantized,
    input_name,
    quantized,
    read_dequantized,
    read_scaling,
    requantized,
)
from .table import Table
from .tensor import Tensor
from .weights import element_type


def _quantize_whole(call: Call) -> Outcome:
    """Opset 10: a per-tensor scale."""
    _check_single(call)
    return quantize_linear(call)


def quantize_linear(call: Call) -> Outcome:
    """Since opset 13: a scale per tensor, per channel of an axis, or (since 21) per block along an axis."""
    return _quantized_linear(call, F32)


def _quantize_in_scale_type(call: Call) -> Outcome:
    """Since opset 23 the division is in the type `precision`, by default that of the scale."""
    code, scale = call.integer("precision", TensorProto.UNDEFINED), call.input(1).dtype
    if code == TensorProto.UNDEFINED:
        return _quantized_linear(call, scale if scale in REALS else F32)
    dtype = element_type(code)
    if dtype not in REALS:
        raise Malformed(f"its precision is {dtype}; a division is in f32, f16 or bf16")
    return _quantized_linear(call, dtype)


def _quantized_linear(call: Call, precision: DType) -> Tensor:
    x, dtype = call.input(0), _target(call)
    saturate = True
    if dtype in FLOATS8:
        saturate = call.flag("saturate", True)
    else:
        call.without_effect("saturate")
    axis, block = call.integer("axis", 1), call.integer("block_size", 0)
    scaling = read_scaling(call, x.type, 1, dtype, axis=axis, block=block)
    return quantized(call, x, scaling, dtype, saturate=saturate, precision=precision)


def _target(call: Call) -> DType:
    """The type to quantize to: the zero point's, else output_dtype, else u8.

    Raises Malformed if zero point and output_dtype differ.
    """
    zero, code = call.optional(2), call.integer("output_dtype", TensorProto.UNDEFINED)
    if code == TensorProto.UNDEFINED:
        return U8 if zero is None else zero.dtype
    stated = element_type(code)
    if zero is not None and zero.dtype != stated:
        raise Malformed(f"output_dtype is {stated}, but its zero point {input_name(call, 2)} is {zero.type}")
    return stated


def _dequantize_whole(call: Call) -> Outcome:
    """Opset 10: a per-tensor scale."""
    _check_single(call)
    return dequantize_linear(call)


def dequantize_linear(call: Call) -> Outcome:
    """Since opset 13: the inverse of `quantize_linear`, with the same kinds of scales."""
    q = call.input(0)
    axis, block = call.integer("axis", 1), call.integer("block_size", 0)
    scaling = read_scaling(call, q.type, 1, q.dtype, axis=axis, block=block)
    code = call.integer("output_dtype", TensorProto.UNDEFINED)
    to = scaling.scale.dtype if code == TensorProto.UNDEFINED else element_type(code)
    if to not in REALS:
        raise Malformed(f"its result would be {to}; output_dtype must be f32, f16 or bf16")
    return dequantized(call, q, scaling, to)


def _check_single(call: Call) -> None:
    scale = call.input(1)
    if scale.rank > 1 or scale.type.elements != 1:
        raise Malformed(f"its scale {input_name(call, 1)} is {scale.type}; before opset 13 it is one number")


# ------------------------------------------------------------ contractions of quantized tensors


def _qlinear_conv(call: Call) -> Outcome:
    x, of_x = read_dequantized(call, 0)
    return requantized(call, convolved_quantized(call, x, of_x), 6, call.input(0).dtype)


def convolved_quantized(call: Call, x: Tensor, of_x: ImportedScaling) -> Tensor:
    """The convolution of X, with the scale and zero point OF_X, and the weight at input 3, plus the bias at
    input 8."""
    w, of_w = read_dequantized(call, 3, axis=0)
    bias = call.optional(8)
    summed = None if bias is None else bias_of_products(call, bias, of_x, of_w)
    return convolved(call, x, w, summed)


def bias_of_products(call: Call, bias: Tensor, a: ImportedScaling, b: ImportedScaling) -> Tensor:
    """An i32 BIAS, dequantized by the product of the scales of A and B, to be added to their products.

    A scale per column is along the last axis of the bias. Raises Malformed for another type or shape.
    """
    if bias.dtype != I32:
        raise Malformed(f"its bias is {bias.type}, i32 is expected")
    scale = call.emit(Mul, a.scale, b.scale)
    if scale.rank:
        message = f"its bias {bias.type} does not fit the scale of its products {scale.type}"
        call.require_shape(bias.shape[-1:], scale.shape, message)
    return dequantized(call, bias, ImportedScaling(scale, axis=max(bias.rank - 1, 0)))


def _qlinear_matmul(call: Call) -> Outcome:
    """A scale with several elements is per row of a and of the result, or per column of b."""
    a, _ = read_dequantized(call, 0, axis=max(call.input(0).rank - 2, 0))
    b, _ = read_dequantized(call, 3, axis=max(call.input(3).rank - 1, 0))
    y = multiplied(call, a, b)
    return requantized(call, y, 6, call.input(0).dtype, axis=max(y.rank - 2, 0))


TABLE: Table = {
    "DequantizeLinear": [(10, _dequantize_whole), (13, dequantize_linear)],
    "QLinearConv": [(10, _qlinear_conv)],
    "QLinearMatMul": [(10, _qlinear_matmul)],
    "QuantizeLinear": [(10, _quantize_whole), (13, quantize_linear), (23, _quantize_in_scale_type)],
}
