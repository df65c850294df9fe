"""Ops of ONNX Runtime's quantizer on quantized tensors.

They compute on dequantized inputs, and quantize the result:

  QLinearAdd(a, b) => quantize(dequantize(a) + dequantize(b))

QLinearAdd, QLinearMul and QLinearAveragePool round after adding the zero point, the others before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....dialects.core.dtypes import F32
from ....dialects.core.ir import Operation
from ....dialects.graph import activations
from ....dialects.graph.binary import Add, Div, Mul
from ....dialects.graph.elementwise import Where
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.expand import Expand
from ....dialects.graph.softmax import Softmax
from ....dialects.graph.unary import Floor, Reciprocal, Sigmoid
from ..call import Call, Outcome
from ..ops_contraction import plus_matrix, scaled_product
from ..ops_normalization import along_axis, from_axis_on
from ..ops_quantization import bias_of_products, convolved_quantized, dequantize_linear, quantize_linear
from ..ops_window import averaged, reduced_spatially
from ..problems import Malformed
from ..scales import ImportedScaling, quantized, read_dequantized, read_scaling, requantized
from ..table import Importer
from ..tensor import Tensor
from .channels import in_channels
from .form import CONV, NO_LIMIT, OwnOps, op


def _unary(op_class: type[Operation], **defaults: float) -> Importer:
    """An importer for an op with one operand and numeric attributes with these DEFAULTS."""

    def importer(call: Call) -> Outcome:
        x, _ = read_dequantized(call, 0)
        values = {name: call.number(name, default) for name, default in defaults.items()}
        return requantized(call, call.emit(op_class, x, **values), 3, call.input(0).dtype)

    return importer


def _binary(op_class: type[Operation]) -> Importer:
    def importer(call: Call) -> Outcome:
        a, _ = read_dequantized(call, 0)
        b, _ = read_dequantized(call, 3)
        return requantized(call, call.emit(op_class, a, b), 6, call.input(0).dtype, offset_first=True)

    return importer


def _average_pool(call: Call) -> Outcome:
    x, _ = read_dequantized(call, 0)
    y = in_channels(call, x, lambda image: averaged(call, image))
    return requantized(call, y, 3, call.input(0).dtype, offset_first=True)


def _global_average_pool(call: Call) -> Outcome:
    x, _ = read_dequantized(call, 0)
    y = in_channels(call, x, lambda image: reduced_spatially(call, image, "mean"))
    return requantized(call, y, 3, call.input(0).dtype)


def _conv(call: Call) -> Outcome:
    x, of_x = read_dequantized(call, 0)
    y = in_channels(call, x, lambda image: convolved_quantized(call, image, of_x))
    return requantized(call, y, 6, call.input(0).dtype)


def _where(call: Call) -> Outcome:
    x, y = (read_dequantized(call, index)[0] for index in (1, 4))
    return requantized(call, call.emit(Where, call.input(0), x, y), 7, call.input(1).dtype)


def _concat(call: Call) -> Outcome:
    """The inputs are the result's scale and zero point, then each part with its own."""
    count, rest = divmod(len(call.inputs) - 2, 3)
    if rest:
        raise Malformed(
            f"it has {len(call.inputs)} inputs, not a scale, a zero point and three for each part"
        )
    parts = [read_dequantized(call, 2 + 3 * number)[0] for number in range(count)]
    axis = call.axis(call.integer("axis", 0), parts[0].rank)
    joined = parts[0] if count == 1 else call.emit(Concat, *parts, axis=axis)
    return requantized(call, joined, 0, call.input(2).dtype)


def _softmax(call: Call) -> Outcome:
    """The attribute `opset` selects one of the standard's two meanings of `axis`.

    ONNX Runtime takes a whole number of steps from 0 to 1: the reciprocal of the output scale, rounded down.
    """
    x, _ = read_dequantized(call, 0)
    if call.integer("opset", 13) < 13:
        y = from_axis_on(call, x, Softmax, call.integer("axis", -1))
    else:
        y = along_axis(call, x, Softmax)
    dtype = call.input(4).dtype
    scaling = read_scaling(call, y.type, 3, dtype)
    if scaling.scale.rank:
        raise Malformed(f"its output scale is {scaling.scale.type}, a single number is expected")
    if not _is_power_of_two(scaling.scale):
        steps = call.emit(Floor, call.emit(Reciprocal, scaling.scale))
        y, scaling = call.emit(Mul, y, steps), replace(scaling, scale=call.constant(1.0, F32))
    return quantized(call, y, scaling, dtype)


def _is_power_of_two(scale: Tensor) -> bool:
    return scale.data is not None and bool(np.frexp(scale.data)[0] == 0.5)


def _gemm(call: Call) -> Outcome:
    """The i32 bias has the scale of the products, including alpha.

    Without an output zero point y is float, divided by the output scale if there is one (as in ONNX Runtime).
    """
    columns = 0 if call.flag("transB") else 1
    a, of_a = read_dequantized(call, 0)
    b, of_b = read_dequantized(call, 3, axis=columns)
    y, c = scaled_product(call, a, b), call.optional(6)
    if c is not None:
        if of_b.scale.rank and c.shape[-1:] in ((), (1,)):
            c = call.emit(Expand, c, shape=(*c.shape[:-1], *of_b.scale.shape))  # as products have columns
        alpha = call.constant(call.number("alpha", 1.0), F32)
        scale = call.emit(Mul, of_a.scale, alpha)
        y = plus_matrix(call, y, bias_of_products(call, c, ImportedScaling(scale), of_b))
    if call.optional(8) is not None:
        return requantized(call, y, 7, call.input(0).dtype)
    return y if call.optional(7) is None else call.emit(Div, y, call.input(7))


_AVERAGE = ("auto_pad", "ceil_mode", "channels_last", "count_include_pad", "kernel_shape", "pads", "strides")
TABLE: OwnOps = {
    "DequantizeLinear": op(dequantize_linear, 2, 3, ("axis",)),
    "QGemm": op(_gemm, 6, 9, ("alpha", "transA", "transB")),
    "QLinearAdd": op(_binary(Add), 7, 8),
    "QLinearAveragePool": op(_average_pool, 4, 5, _AVERAGE),
    "QLinearConcat": op(_concat, 3, NO_LIMIT, ("axis",)),
    "QLinearConv": op(_conv, 8, 9, ("channels_last", *CONV)),
    "QLinearGlobalAveragePool": op(_global_average_pool, 5, 5, ("channels_last",)),
    "QLinearLeakyRelu": op(_unary(activations.LeakyRelu, alpha=0.01), 4, 5, ("alpha",)),
    "QLinearMul": op(_binary(Mul), 7, 8),
    "QLinearSigmoid": op(_unary(Sigmoid), 4, 5),
    "QLinearSoftmax": op(_softmax, 5, 5, ("axis", "opset")),
    "QLinearWhere": op(_where, 9, 9),
    "QuantizeLinear": op(quantize_linear, 2, 3, ("axis",)),
}
