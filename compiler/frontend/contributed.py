"""Importers of ops that ONNX Runtime adds to the standard's (domain com.microsoft).

Those of its quantizer compute on the numbers that their quantized inputs stand for, and quantize the result:

    QLinearAdd(a, b)  =>  quantize(dequantize(a) + dequantize(b))

QLinearAdd, QLinearMul and QLinearAveragePool round after the zero point is added, the others before. The ops
are defined in ONNX Runtime's ContribOperators.md; the onnx package has no schemas of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from onnx import AttributeProto, NodeProto

from ...dialects.core.dtypes import F32
from ...dialects.core.ir import Operation
from ...dialects.graph import activations
from ...dialects.graph.binary import Add, Mul
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.normalization import Softmax
from ...dialects.graph.unary import Sigmoid
from .call import Call, Outcome
from .contributed_lstm import ATTRIBUTES, dynamic_quantize_lstm
from .ops_contraction import plus_matrix, scaled_product
from .ops_elementwise import of_one_operand
from .ops_normalization import along_axis, from_axis_on
from .ops_quantization import bias_of_products, dequantize_linear, quantize_linear
from .ops_window import averaged, reduced_spatially
from .problems import Malformed, Refused, shown
from .scales import ImportedScaling, read_dequantized, requantized
from .table import Importer

CONTRIBUTED_DOMAIN = "com.microsoft"
NO_LIMIT = (1 << 31) - 1


@dataclass(frozen=True)
class Contributed:
    """An op: its importer, its least and largest number of inputs, the attributes it may have, and its
    largest number of outputs."""

    importer: Importer
    least: int
    most: int
    attributes: frozenset[str] = frozenset()
    outputs: int = 1

    def check_form(self, node: NodeProto, attributes: Mapping[str, AttributeProto]) -> None:
        """Raise Malformed unless the op's definition allows the inputs, outputs and attributes of NODE."""
        if not self.least <= len(node.input) <= self.most:
            raise Malformed(f"it has {len(node.input)} inputs, {self.least} or more are expected")
        if not 1 <= len(node.output) <= self.outputs:
            span = "1 is" if self.outputs == 1 else f"1 to {self.outputs} are"
            raise Malformed(f"it has {len(node.output)} outputs, {span} expected")
        for name in attributes:
            if name not in self.attributes:
                raise Malformed(f"the op has no attribute {shown(name)}")


def _unary(op_class: type[Operation], **defaults: float) -> Importer:
    """An importer of an op with one operand and numeric attributes with these DEFAULTS."""

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
    _refuse_channels_last(call)
    x, _ = read_dequantized(call, 0)
    return requantized(call, averaged(call, x), 3, call.input(0).dtype, offset_first=True)


def _global_average_pool(call: Call) -> Outcome:
    _refuse_channels_last(call)
    x, _ = read_dequantized(call, 0)
    return requantized(call, reduced_spatially(call, x, "mean"), 3, call.input(0).dtype)


def _refuse_channels_last(call: Call) -> None:
    if call.flag("channels_last"):
        raise Refused("channels_last is not supported")


def _concat(call: Call) -> Outcome:
    """The inputs are the result's scale and zero point, then every part with its scale and zero point."""
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
    """The attribute `opset` says which of the standard's two meanings `axis` has."""
    x, _ = read_dequantized(call, 0)
    if call.integer("opset", 13) < 13:
        y = from_axis_on(call, x, Softmax, call.integer("axis", -1))
    else:
        y = along_axis(call, x, Softmax)
    return requantized(call, y, 3, call.input(0).dtype)


def _gemm(call: Call) -> Outcome:
    """The i32 bias has the scale of the products, including alpha; without an output scale y is float."""
    columns = 0 if call.flag("transB") else 1
    a, of_a = read_dequantized(call, 0)
    b, of_b = read_dequantized(call, 3, axis=columns)
    y, c = scaled_product(call, a, b), call.optional(6)
    if c is not None:
        alpha = call.constant(call.number("alpha", 1.0), F32)
        scale = call.emit(Mul, of_a.scale, alpha)
        y = plus_matrix(call, y, bias_of_products(call, c, ImportedScaling(scale), of_b))
    if call.optional(7) is not None and call.optional(8) is None:
        raise Refused("a scale of the result without a zero point, which leaves y float, is not supported")
    return y if call.optional(7) is None else requantized(call, y, 7, call.input(0).dtype)


def _op(
    importer: Importer, least: int, most: int, attributes: Iterable[str] = (), outputs: int = 1
) -> Contributed:
    return Contributed(importer, least, most, frozenset(attributes), outputs)


_POOL = ("auto_pad", "ceil_mode", "channels_last", "count_include_pad", "kernel_shape", "pads", "strides")
CONTRIBUTED: Mapping[str, Contributed] = {
    "DequantizeLinear": _op(dequantize_linear, 2, 3, ("axis",)),
    "DynamicQuantizeLSTM": _op(dynamic_quantize_lstm, 12, 12, ATTRIBUTES, outputs=3),
    "Gelu": _op(of_one_operand(activations.Gelu), 1, 1),
    "QGemm": _op(_gemm, 6, 9, ("alpha", "transA", "transB")),
    "QLinearAdd": _op(_binary(Add), 7, 8),
    "QLinearAveragePool": _op(_average_pool, 4, 5, _POOL),
    "QLinearConcat": _op(_concat, 3, NO_LIMIT, ("axis",)),
    "QLinearGlobalAveragePool": _op(_global_average_pool, 5, 5, ("channels_last",)),
    "QLinearLeakyRelu": _op(_unary(activations.LeakyRelu, alpha=0.01), 4, 5, ("alpha",)),
    "QLinearMul": _op(_binary(Mul), 7, 8),
    "QLinearSigmoid": _op(_unary(Sigmoid), 4, 5),
    "QLinearSoftmax": _op(_softmax, 5, 5, ("axis", "opset")),
    "QuantizeLinear": _op(quantize_linear, 2, 3, ("axis",)),
}
