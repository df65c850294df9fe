"""Which initializers that a graph lists among its inputs are meant to be given, as defaults of these inputs.

Source: ONNX IR specification: before IR version 4 every initializer had to be listed; since then a listed
one may be overridden by a run. Exporters that list all weights are common all the same.
"""

from __future__ import annotations

from onnx import GraphProto, ModelProto, TensorProto

# Ops whose constant operands are prepared at build time: a file that lists these lists by habit.
_WITH_WEIGHTS = frozenset({
    "BatchNormalization", "Conv", "ConvInteger", "ConvTranspose", "DequantizeLinear", "GRU", "Gather", "Gemm",
    "GroupNormalization", "InstanceNormalization", "LSTM", "LayerNormalization", "MatMul", "MatMulInteger",
    "PRelu", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "RNN", "Transpose",
})  # fmt: skip
_REALS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})
FIRST_IR_VERSION = 4  # that does not demand initializers among the inputs


def meant_to_be_given(proto: ModelProto) -> frozenset[str]:
    """The names of the initializers of PROTO that a run may replace, even if the build names no shape for
    them: none of a file that lists weights, too, and no integers, which are sizes and axes as a rule.
    """
    if proto.ir_version < FIRST_IR_VERSION:
        return frozenset()
    stored = {each.name: each.data_type for each in proto.graph.initializer}
    listed = {value.name for value in proto.graph.input if value.name in stored}
    if listed & _weights(proto.graph):
        return frozenset()
    return frozenset(name for name in listed if stored[name] in _REALS)


def _weights(graph: GraphProto) -> set[str]:
    return {name for node in graph.node if node.op_type in _WITH_WEIGHTS for name in node.input}
