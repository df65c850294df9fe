"""Inputs whose rank nothing tells because it does not matter: only elementwise nodes read what they hold.

Such a model computes the same on the list of the elements, whatever their shape (`runtime/unranked.py`).
"""

from __future__ import annotations

from onnx import AttributeProto, GraphProto, NodeProto, TensorProto

from .ordering import in_order, reads

USUAL_ELEMENTS, MOST_ELEMENTS = 1 << 12, 1 << 24  # of such an input, unless a range is given
ELEMENTWISE = frozenset({
    "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitwiseAnd", "BitwiseNot",
    "BitwiseOr", "BitwiseXor", "Cast", "Ceil", "Celu", "Clip", "Cos", "Cosh", "DequantizeLinear", "Div",
    "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid",
    "HardSwish", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean",
    "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "QuantizeLinear", "Reciprocal",
    "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt",
    "Sub", "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
})  # fmt: skip


def alike(name: str, graph: GraphProto) -> list[str]:
    """The outputs of GRAPH that have the shape of its input NAME, whatever that is; none if it matters."""
    scalars = _scalars(graph)
    known = {name}
    for node in in_order(graph.node):
        read = set(reads(node)) - {""}
        if read.isdisjoint(known):
            continue
        plain = node.op_type in ELEMENTWISE and node.domain in ("", "ai.onnx")
        if not plain or not read <= known | scalars:
            return []
        known |= {each for each in node.output if each}
    return [value.name for value in graph.output if value.name in known]


def _scalars(graph: GraphProto) -> set[str]:
    """The constants of GRAPH without dimensions."""
    found = {each.name for each in graph.initializer if not each.dims}
    return found | {node.output[0] for node in graph.node if _is_scalar(node)}


def _is_scalar(node: NodeProto) -> bool:
    if node.op_type != "Constant" or len(node.attribute) != 1:
        return False
    (stated,) = node.attribute
    return stated.type in (AttributeProto.FLOAT, AttributeProto.INT) or (
        stated.type == AttributeProto.TENSOR and isinstance(stated.t, TensorProto) and not stated.t.dims
    )
