"""The rank of an input that is declared without a shape, by the nodes that read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper

from .ordering import in_order

Rank = Callable[[NodeProto, Mapping[str, TensorProto]], int | None]


def with_rank(value: ValueInfoProto, graph: GraphProto) -> ValueInfoProto:
    """The input VALUE of GRAPH; where it has no shape, with dimensions of unknown sizes if a node or a
    declaration says how many."""
    if value.type.WhichOneof("value") != "tensor_type" or value.type.tensor_type.HasField("shape"):
        return value
    rank = _rank(value.name, graph)
    if rank is None:
        return value
    ranked = ValueInfoProto()
    ranked.CopyFrom(value)
    ranked.type.tensor_type.shape.SetInParent()
    for _ in range(rank):
        ranked.type.tensor_type.shape.dim.add()
    return ranked


def _rank(name: str, graph: GraphProto) -> int | None:
    """The rank of the tensor NAME: that of the first node that demands one, or that is declared for a tensor
    of the same rank."""
    stored = _stored(graph)
    declared = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    alike = {name}
    for node in in_order(graph.node):
        if alike.isdisjoint(node.input):
            continue
        rank = _demanded(node, stored) if node.input[0] in alike else None
        if rank is not None:
            return rank
        if _keeps_rank(node, alike, stored):
            alike.add(node.output[0])
    return next((declared[each] for each in sorted(alike) if each in declared), None)


def _demanded(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
    """The rank that NODE demands of its first input; None where it takes any, or that is not known."""
    found = _DEMANDS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    return None if found is None else found(node, stored)


def _keeps_rank(node: NodeProto, alike: set[str], stored: Mapping[str, TensorProto]) -> bool:
    """Whether the first result of NODE has the rank of its operands in ALIKE: its op keeps that of its first
    operand, or broadcasts it with scalars only."""
    if node.domain not in ("", "ai.onnx") or not node.output:
        return False
    if node.op_type in _KEEPING:
        return node.input[0] in alike
    others = [stored.get(name) for name in node.input if name and name not in alike]
    return node.op_type in _BROADCASTING and all(other is not None and not other.dims for other in others)


def _stored(graph: GraphProto) -> dict[str, TensorProto]:
    """The constants of GRAPH by name."""
    stored = {proto.name: proto for proto in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output and [each.name for each in node.attribute] == ["value"]:
            stored[node.output[0]] = node.attribute[0].t
    return stored


def _fixed(rank: int) -> Rank:
    return lambda node, stored: rank


def _of_attribute(name: str, more: int = 0) -> Rank:
    """A rank that is the length of the list attribute NAME, and MORE."""

    def rank(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
        lists = [helper.get_attribute_value(each) for each in node.attribute if each.name == name]
        return len(lists[0]) + more if lists and isinstance(lists[0], list) else None

    return rank


def _of_operand(index: int, per_axis: int = 1) -> Rank:
    """A rank that is told by the length of the stored operand INDEX, which has PER_AXIS elements an axis."""

    def rank(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
        proto = stored.get(node.input[index]) if index < len(node.input) else None
        return None if proto is None or len(proto.dims) != 1 else proto.dims[0] // per_axis

    return rank


def _of_weights(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
    """The rank of a convolution's weights, which is that of its images."""
    proto = stored.get(node.input[1]) if len(node.input) > 1 else None
    return None if proto is None else len(proto.dims)


_DEMANDS: dict[str, Rank] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv"), _of_weights),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), _of_attribute("kernel_shape", 2)),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _fixed(3)),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _fixed(4)),
    "Gemm": _fixed(2),
    "Pad": _of_operand(1, 2),
    "Tile": _of_operand(1),
    "Transpose": _of_attribute("perm"),
}
_KEEPING = frozenset({
    "Abs", "BatchNormalization", "Cast", "Ceil", "Clip", "Cos", "DequantizeLinear", "Dropout",
    "DynamicQuantizeLinear", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNormalization", "LRN", "LayerNormalization", "LeakyRelu", "Log", "Mish", "Neg", "PRelu",
    "QuantizeLinear", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Softmax", "Softplus", "Sqrt",
    "Tanh",
})  # fmt: skip
_BROADCASTING = frozenset({"Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"})
