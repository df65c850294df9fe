"""The rank of an input that is declared without a shape, inferred from its consumers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper

from .ordering import in_order

Rank = Callable[[NodeProto, Mapping[str, TensorProto]], int | None]


def with_rank(value: ValueInfoProto, graph: GraphProto) -> ValueInfoProto:
    """The input VALUE of GRAPH; one without a shape gets dimensions of unknown sizes if its rank can be
    inferred."""
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
    """The rank of the tensor NAME: the first one that a node requires, or that a tensor of equal rank
    declares."""
    stored = _stored(graph)
    declared = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    alike = {name: 0}  # tensors of its rank, if that is more than this
    for node in in_order(graph.node):
        met = [alike[each] for each in node.input if each in alike]
        if not met:
            continue
        rank = _demanded(node, stored) if node.input[0] in alike else None
        if rank is not None:
            return rank if rank > met[0] or not met[0] else None
        more = _broadcast_with(node, alike, stored)
        if more is not None:
            alike[node.output[0]] = max(*met, more)
        if node.op_type == "Concat" and (known := _beside(node, graph)) is not None:
            return known if known > max(met) or not any(met) else None
    found = ((declared[each], least) for each, least in sorted(alike.items()) if each in declared)
    return next((rank for rank, least in found if rank > least or not least), None)


def _beside(node: NodeProto, graph: GraphProto) -> int | None:
    """The rank of the first operand of NODE that is an input of GRAPH with a shape."""
    shapes = {v.name: v.type.tensor_type for v in graph.input if v.type.tensor_type.HasField("shape")}
    return next((len(shapes[name].shape.dim) for name in node.input if name in shapes), None)


def _demanded(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
    """The rank that NODE requires of its first input; None if it takes any, or if that is not known."""
    found = _DEMANDS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    return None if found is None else found(node, stored)


def _broadcast_with(node: NodeProto, alike: Collection[str], stored: Mapping[str, TensorProto]) -> int | None:
    """The largest rank that NODE broadcasts its operands in ALIKE with, if its first result then has their
    rank.

    0 if it keeps the rank of its first operand; else None.
    """
    if node.domain not in ("", "ai.onnx") or not node.output:
        return None
    if node.op_type in _KEEPING or (node.op_type in _REDUCING and _keeps_dimensions(node)):
        return 0 if node.input[0] in alike else None
    others = [stored.get(name) for name in node.input if name and name not in alike]
    if node.op_type not in _BROADCASTING or None in others:
        return None
    return max((len(other.dims) for other in others if other is not None), default=0)


def _keeps_dimensions(node: NodeProto) -> bool:
    return all(each.i == 1 for each in node.attribute if each.name == "keepdims")


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
    """A rank given by the length of the list attribute NAME, plus MORE."""

    def rank(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
        lists = [helper.get_attribute_value(each) for each in node.attribute if each.name == name]
        return len(lists[0]) + more if lists and isinstance(lists[0], list) else None

    return rank


def _of_operand(index: int, per_axis: int = 1) -> Rank:
    """A rank given by the length of the constant operand INDEX, which has PER_AXIS elements per axis."""

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
    "Abs", "BatchNormalization", "Cast", "Ceil", "Clip", "Cos", "CumSum", "DequantizeLinear", "Dropout",
    "DynamicQuantizeLinear", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Hardmax",
    "Identity", "InstanceNormalization", "LRN", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax",
    "Mish", "Neg", "PRelu", "QuantizeLinear", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin",
    "Softmax", "Softplus", "Sqrt", "Tanh",
})  # fmt: skip
_REDUCING = frozenset({
    "ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
})  # fmt: skip
_BROADCASTING = frozenset({"Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"})
