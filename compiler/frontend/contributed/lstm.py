"""The importer of ONNX Runtime's DynamicQuantizeLSTM: an LSTM with quantized weights.

Before each product, inputs and states are quantized over their current range, per direction; here they are
rounded the same way. The products themselves multiply the dequantized numbers.
"""

from __future__ import annotations

from dataclasses import replace

from ....dialects.core.dtypes import F32, I64
from ....dialects.graph.binary import Less, Mul, Sub
from ....dialects.graph.elementwise import Where
from ....dialects.graph.indexing import Range
from ....dialects.graph.movement.reshape import Reshape, Transpose
from ....dialects.graph.quantization import Dequantize
from ....dialects.graph.reduction import Reduce
from ..call import Call, Outcome
from ..ops_elementwise import cast_to
from ..ops_integer import dynamically_quantized
from ..ops_recurrent import LSTM_FUNCTIONS, lstm_outputs
from ..problems import Malformed
from ..recurrent_node import Recurrent, read_recurrent
from ..tensor import Tensor
from .form import OwnOps, op

ATTRIBUTES = (
    "activation_alpha",
    "activation_beta",
    "activations",
    "clip",
    "direction",
    "hidden_size",
    "input_forget",
)


def dynamic_quantize_lstm(call: Call) -> Outcome:
    """Weights are [directions, inputs, 4 * hidden], with a scale per direction or per column."""
    weights, recurrence = _dequantized(call, 1, 8), _dequantized(call, 2, 10)
    node = read_recurrent(call, 4, LSTM_FUNCTIONS, (weights, recurrence), _rounded)
    if node.lengths is not None:
        node = replace(node, x=_within(node, node.lengths), forgets=True)
    return lstm_outputs(node)


def _dequantized(call: Call, index: int, scaling: int) -> Tensor:
    """The dequantized weights of input INDEX, with scale and zero point from input SCALING on.

    They are transposed to an LSTM's layout: [directions, 4 * hidden, inputs].
    """
    q, scale, zero = call.input(index), call.input(scaling), call.input(scaling + 1)
    if q.rank != 3 or scale.shape != zero.shape or scale.shape not in (q.shape[:1], (q.shape[0], q.shape[2])):
        given = f"their scale {scale.type} and zero point {zero.type}"
        raise Malformed(f"its weights {q.type} do not fit {given}")
    shape = (q.shape[0], 1, q.shape[2] if scale.rank == 2 else 1)
    zero, scale = (call.emit(Reshape, each, shape=shape) for each in (cast_to(call, zero, F32), scale))
    real = call.emit(Mul, call.emit(Sub, cast_to(call, q, F32), zero), scale)
    return call.emit(Transpose, real, perm=(0, 2, 1))


def _within(node: Recurrent, lengths: Tensor) -> Tensor:
    """The inputs of NODE, zero beyond the longest sequence, so that padding does not affect the range."""
    call = node.call
    start, delta = (call.constant(number, I64) for number in (0, 1))
    steps = call.emit(Reshape, call.emit(Range, start, delta, size=node.steps), shape=(node.steps, 1, 1))
    longest = call.emit(Reduce, cast_to(call, lengths, I64), kind="max", axes=(0,), keepdims=False)
    return call.emit(Where, call.emit(Less, steps, longest), node.x, call.constant(0, F32))


def _rounded(call: Call, x: Tensor) -> Tensor:
    return call.emit(Dequantize, *dynamically_quantized(call, x), to=F32)


TABLE: OwnOps = {"DynamicQuantizeLSTM": op(dynamic_quantize_lstm, 12, 12, ATTRIBUTES, outputs=3)}
