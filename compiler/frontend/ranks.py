"""The rank of an input that is declared without a shape, inferred from its consumers."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper

from .ordering import in_order

Rank = Callable[[NodeProto, Mapping[str, TensorProto]], int | None]


def with_rank(value: ValueInfoProto, graph: GraphProto) -> ValueInfoProto:
    """The input VALUE of GRAPH; one without a shape gets dimensions of unknown sizes if its rank can be
    inferred."""
    if value.type.WhichOneof("value") != "tensor_type" or value.type.tensor_type.HasField("shape"):
        return value
    rank = _rank(value.name, graph)
    return value if rank is None else of_rank(value, rank)


def needs_rank(value: ValueInfoProto, given: Container[str]) -> bool:
    """Whether VALUE is a tensor without a shape, and none is GIVEN for it."""
    tensor = value.type.WhichOneof("value") == "tensor_type"
    return tensor and not value.type.tensor_type.HasField("shape") and value.name not in given


def of_rank(value: ValueInfoProto, rank: int) -> ValueInfoProto:
    """VALUE with RANK dimensions of unknown sizes."""
    ranked = ValueInfoProto()
    ranked.CopyFrom(value)
    ranked.type.tensor_type.shape.SetInParent()
    for _ in range(rank):
        ranked.type.tensor_type.shape.dim.add()
    return ranked


@dataclass(frozen=True)
class _Known:
    """Knowledge of a tensor's rank: the rank of the input plus MORE, but at least LEAST."""

    more: int = 0
    least: int | None = None

    def told_by(self, rank: int) -> int | None:
        """The rank of the input if the tensor has rank RANK; None if it is ambiguous."""
        certain = rank >= self.more and (self.least is None or rank > self.least)
        return rank - self.more if certain else None

    def shifted(self, by: int) -> _Known:
        return _Known(self.more + by, None if self.least is None else self.least + by)


def _rank(name: str, graph: GraphProto) -> int | None:
    """The rank of the tensor NAME: that of the first node that demands one, or that is declared for a tensor
    whose rank follows from it."""
    stored = _stored(graph)
    inputs = {v.name: v.type.tensor_type for v in graph.input if v.type.tensor_type.HasField("shape")}
    ranks = {name: len(proto.dims) for name, proto in stored.items()}
    ranks |= {name: len(each.shape.dim) for name, each in inputs.items()}
    known = {name: _Known()}
    for node in in_order(graph.node):
        if node.domain not in ("", "ai.onnx") or not any(each in known for each in node.input):
            continue
        for operand, rank in _demanded(node, stored, ranks):
            told = known[operand].told_by(rank) if operand in known else None
            if told is not None:
                return told
        found = _followed(node, known, stored)
        if found is not None:
            known |= dict.fromkeys(node.output[: None if node.op_type == "Split" else 1], found)
    declared = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    behind = (each.told_by(declared[output]) for output, each in sorted(known.items()) if output in declared)
    return next((rank for rank in behind if rank is not None), None)


def _demanded(
    node: NodeProto, stored: Mapping[str, TensorProto], ranks: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    """The operands of NODE that must have a certain rank, with that rank; RANKS are the known ranks."""
    demand = _DEMANDS.get(node.op_type)
    rank = None if demand is None else demand(node, stored)
    if rank is not None:
        yield from ((name, rank) for name in node.input[: 2 if node.op_type in _OF_PAIRS else 1])
    if node.op_type == "Einsum":
        yield from _terms(node)
    alike = node.input[: _ALIKE.get(node.op_type, 0)]
    beside = next((ranks[name] for name in alike if name in ranks), None)
    yield from () if beside is None else ((name, beside) for name in alike)


def _terms(node: NodeProto) -> Iterator[tuple[str, int]]:
    """The operands of an Einsum whose terms say their rank."""
    stated = (each.s.decode(errors="replace") for each in node.attribute if each.name == "equation")
    terms = next(stated, "").replace(" ", "").partition("->")[0].split(",")
    yield from ((name, len(term)) for name, term in zip(node.input, terms, strict=False) if "." not in term)


def _followed(
    node: NodeProto, known: Mapping[str, _Known], stored: Mapping[str, TensorProto]
) -> _Known | None:
    """The rank of NODE's first result as far as the KNOWN ranks of operands determine it, else None."""
    first = known.get(node.input[0])
    if node.op_type in _BROADCASTING:
        return _broadcast(node, known, stored)
    if node.op_type in ("MatMul", "MatMulInteger"):  # of a matrix that is stored, on either side
        other = stored.get(node.input[1] if first is not None else node.input[0])
        mine = first or known[node.input[1]]
        return mine if other is not None and len(other.dims) == 2 else None
    if first is None:
        return None
    shift = 0 if node.op_type in _KEEPING else _shift(node, stored)
    return None if shift is None else first.shifted(shift)


def _broadcast(
    node: NodeProto, known: Mapping[str, _Known], stored: Mapping[str, TensorProto]
) -> _Known | None:
    mine = [known[name] for name in node.input if name in known]
    others = [stored.get(name) for name in node.input if name and name not in known]
    if None in others:
        return None
    least = [len(other.dims) for other in others if other is not None]
    least += [each.least for each in mine if each.least is not None]
    return _Known(max(each.more for each in mine), max(least, default=None) or None)


def _shift(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
    """The rank of NODE's first result minus that of its first operand; None if unknown."""
    attributes: dict[str, Any] = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    axes = attributes.get("axes")
    if axes is None and len(node.input) > 1 and node.input[1] in stored:
        axes = range(math.prod(stored[node.input[1]].dims))
    match node.op_type:
        case "Unsqueeze" | "Squeeze" if axes is not None:
            return len(axes) if node.op_type == "Unsqueeze" else -len(axes)
        case "Det":
            return -2
        case "OneHot":
            return 1
        case "ArgMax" | "ArgMin":
            return int(attributes.get("keepdims", 1)) - 1
        case "Gather":
            indices = stored.get(node.input[1])
            return None if indices is None else len(indices.dims) - 1
    if node.op_type not in _REDUCING:
        return None
    return 0 if attributes.get("keepdims", 1) else (-len(axes) if axes else None)


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


def _of_operand(index: int, per_axis: int = 1, *, unless: int | None = None) -> Rank:
    """A rank given by the length of the constant operand INDEX, which has PER_AXIS elements per axis.

    It is not where the operand UNLESS, or an attribute axes, says which axes these are.
    """

    def rank(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
        axes = unless is not None and unless < len(node.input) and node.input[unless]
        if axes or any(each.name == "axes" for each in node.attribute):
            return None
        proto = stored.get(node.input[index]) if index < len(node.input) else None
        return None if proto is None or len(proto.dims) != 1 else proto.dims[0] // per_axis

    return rank


def _of_scales(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
    """The rank according to the constant scales or sizes of a Resize."""
    found = (_of_operand(index)(node, stored) for index in (1, 2, 3))
    return next((rank for rank in found if rank), None)


def _of_weights(node: NodeProto, stored: Mapping[str, TensorProto]) -> int | None:
    """The rank of a convolution's weights, which is that of its images."""
    proto = stored.get(node.input[1]) if len(node.input) > 1 else None
    return None if proto is None else len(proto.dims)


_OF_PAIRS = ("Gemm", "NonMaxSuppression")  # what is demanded of the first operand is of the second, too
# How many of the first operands have the same rank; None for all.
_ALIKE: dict[str, int | None] = {"Concat": None, "GatherElements": 2, "ScatterElements": 3}
_DEMANDS: dict[str, Rank] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv"), _of_weights),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), _of_attribute("kernel_shape", 2)),
    **dict.fromkeys(("LSTM", "GRU", "RNN", "NonMaxSuppression", "AffineGrid"), _fixed(3)),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth", "RoiAlign"), _fixed(4)),
    **dict.fromkeys(("Gemm", "EyeLike"), _fixed(2)),
    "Pad": _of_operand(1, 2, unless=3),
    "Resize": _of_scales,
    "Tile": _of_operand(1),
    "Transpose": _of_attribute("perm"),
}
_KEEPING = frozenset({
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "AveragePool", "BatchNormalization",
    "BitwiseNot", "Cast", "CastLike", "Ceil", "Celu", "CenterCropPad", "Clip", "Conv", "ConvTranspose",
    "Cos", "Cosh", "CumProd", "CumSum", "DequantizeLinear", "Dropout", "DynamicQuantizeLinear", "Elu",
    "Erf", "Exp", "Floor", "GatherElements", "Gelu", "GlobalAveragePool", "GlobalLpPool",
    "GlobalMaxPool", "GroupNormalization", "HardSigmoid", "HardSwish", "Hardmax", "Identity",
    "InstanceNormalization", "IsInf", "IsNaN", "LRN", "LayerNormalization", "LeakyRelu", "Log",
    "LogSoftmax", "LpNormalization", "LpPool", "MaxPool", "MeanVarianceNormalization", "Mish", "Neg",
    "Not", "PRelu", "Pad", "QuantizeLinear", "RMSNormalization", "Reciprocal", "Relu", "Resize",
    "ReverseSequence", "Round", "Scatter", "ScatterElements", "ScatterND", "Selu", "Shrink", "Sigmoid",
    "Sign", "Sin", "Sinh", "Slice", "Softmax", "Softplus", "Softsign", "Split", "Sqrt", "Swish", "Tan",
    "Tanh", "TensorScatter", "ThresholdedRelu", "Tile", "TopK", "Trilu",
})  # fmt: skip
_REDUCING = frozenset({
    "ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
})  # fmt: skip
_BROADCASTING = frozenset({
    "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal", "Greater",
    "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow", "Sub",
    "Sum", "Where", "Xor",
})  # fmt: skip
