"""Loops over bags of rows, as `torch.onnx` writes an EmbeddingBag with offsets: one op instead.

An iteration cuts the indices of its bag out of all, looks up their rows, and reduces them. How many rows
there are depends on what offsets hold, so no op of the IR could be one iteration; all of them together are
`EmbeddingBag`, which has fixed sizes. Loops are recognised by what their bodies compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from onnx import GraphProto, NodeProto, ValueInfoProto, numpy_helper

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import I64
from ...dialects.core.ir import Value
from ...dialects.graph.constants import Constant, Dims
from ...dialects.graph.embedding import FLOATS, EmbeddingBag
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.slicing import Slice
from .call import Call
from .symbolic import Undecided, as_dims
from .tensor import Tensor

KINDS = {"ReduceSum": "sum", "ReduceMean": "mean"}


class Bounds(NamedTuple):
    """Names of where the bags begin and end, one number each."""

    begins: str
    ends: str


@dataclass(frozen=True)
class BagBody:
    """The body of a loop, and how it reads names of the graphs around it."""

    call: Call
    graph: GraphProto

    @property
    def makers(self) -> Mapping[str, NodeProto]:
        """The nodes by the names of what they compute."""
        return {name: node for node in self.graph.node for name in node.output}

    def made_by(self, name: str, *kinds: str) -> NodeProto | None:
        """The node that computes NAME if it is of one of KINDS."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type in kinds and not node.domain else None

    def outer(self, name: str) -> Tensor | None:
        """The tensor NAME of a graph around the body; None if the body computes it."""
        own = {each.name for each in (*self.graph.input, *self.graph.initializer)}
        if not name or name in own or name in self.makers:
            return None
        reader = GraphProto(name=self.graph.name, output=[ValueInfoProto(name=name)])
        (found,) = self.call.subgraphs.run(reader, (), part=True)
        return found

    def numbers(self, name: str) -> list[int] | None:
        """The integers that NAME holds, if they are known."""
        constant = self.made_by(name, "Constant")
        if constant is not None:
            given = {each.name: each for each in constant.attribute}
            if "value" in given:
                return [int(each) for each in numpy_helper.to_array(given["value"].t).reshape(-1)]
            return [int(each) for each in given["value_ints"].ints] if "value_ints" in given else None
        found = next((each for each in self.graph.initializer if each.name == name), None)
        if found is not None:
            return [int(each) for each in numpy_helper.to_array(found).reshape(-1)]
        tensor = self.outer(name)
        if tensor is None or tensor.data is None:
            return None
        return [int(each) for each in tensor.data.reshape(-1)]

    def axes(self, node: NodeProto, default: list[int]) -> list[int] | None:
        """The axes of NODE, which are an attribute or its second input."""
        stated = next((list(each.ints) for each in node.attribute if each.name == "axes"), None)
        if stated is not None:
            return stated
        return self.numbers(node.input[1]) if len(node.input) > 1 and node.input[1] else default

    def unsqueezed(self, name: str, axis: int) -> str:
        """The tensor of which NAME is the form with one dimension more, at AXIS; empty if it is none."""
        node = self.made_by(name, "Unsqueeze")
        return node.input[0] if node is not None and self.axes(node, []) in ([axis], [axis - 2]) else ""


def bags_of_loop(call: Call, graph: GraphProto) -> Tensor | None:
    """The results of the loop of CALL with the body GRAPH if it sums rows bag by bag; None for another."""
    if len(graph.output) != 2 or len(call.inputs) > 2 or len(graph.input) != 2:
        return None
    body = BagBody(call, graph)
    node = body.made_by(graph.output[1].name, *KINDS)
    if node is None or not _always(body) or body.axes(node, []) != [0] or _integer(node, "keepdims", 1):
        return None
    rows, factors = _rows(body, node.input[0])
    lookup = body.made_by(rows, "Gather")
    if lookup is None or _integer(lookup, "axis", 0) != 0:
        return None
    table, cut = body.outer(lookup.input[0]), _cut(body, lookup.input[1])
    weights = _cut(body, factors) if factors else None
    if table is None or cut is None or (factors and (weights is None or weights[1] != cut[1])):
        return None
    given = body.outer(cut[0]), body.outer(weights[0]) if weights is not None else None
    return _made(call, KINDS[node.op_type], table, *given, *(body.outer(name) for name in cut[1]))


def _always(body: BagBody) -> bool:
    """Whether the body of a loop says that it goes on, whatever it computes."""
    name, first = body.graph.output[0].name, body.call.optional(1)
    if first is not None and (first.data is None or not first.data.all()):
        return False
    while (node := body.made_by(name, "Cast", "Identity")) is not None:
        name = node.input[0]
    return name == body.graph.input[1].name or body.numbers(name) == [1]


def _integer(node: NodeProto, name: str, default: int) -> int:
    return next((each.i for each in node.attribute if each.name == name), default)


def _rows(body: BagBody, name: str) -> tuple[str, str]:
    """The rows that are summed as NAME, and the factors of each, one number; empty without factors."""
    product = body.made_by(name, "Mul")
    for rows, factors in (product.input, reversed(product.input)) if product is not None else ():
        if body.unsqueezed(factors, 1):
            return rows, body.unsqueezed(factors, 1)
    return name, ""


def _cut(body: BagBody, name: str) -> tuple[str, Bounds] | None:
    """The name of the whole of which the part NAME is that of an iteration, and the bounds of all parts."""
    node = body.made_by(name, "Slice")
    if node is None or len(node.input) < 3:
        return None
    axes = body.numbers(node.input[3]) if len(node.input) > 3 else [0]
    steps = body.numbers(node.input[4]) if len(node.input) > 4 and node.input[4] else [1]
    picked = [_picked(body, each) for each in node.input[1:3]]
    if axes != [0] or steps != [1] or not all(picked):
        return None
    return node.input[0], Bounds(*picked)


def _picked(body: BagBody, name: str) -> str:
    """The list of which NAME has the number of the iteration, with one dimension; empty if it is none."""
    node = body.made_by(body.unsqueezed(name, 0), "Gather")
    mine = node is not None and node.input[1] == body.graph.input[0].name and _integer(node, "axis", 0) == 0
    return node.input[0] if node is not None and mine else ""


# ---------------------------------------------------------------- the op


def _made(
    call: Call,
    mode: str,
    table: Tensor,
    indices: Tensor | None,
    weights: Tensor | None,
    begins: Tensor | None,
    ends: Tensor | None,
) -> Tensor | None:
    """The sums of the bags of INDICES between BEGINS and ENDS; None where no op is that."""
    if indices is None or begins is None or ends is None or table.dtype not in FLOATS:
        return None
    fits = (
        table.rank == 2 and isinstance(table.shape[1], int) and begins.rank == ends.rank == indices.rank == 1
    )
    if not fits or (weights is not None and (weights.rank != 1 or weights.dtype not in FLOATS)):
        return None
    if call.builder.known_dims(call.input(0), "the trip count") != ends.shape:
        return None
    parts = [indices, *([] if weights is None else [weights])]
    length = _equal_length(begins, ends, indices)
    if length is not None:
        lines = [call.emit(Reshape, each, shape=(*ends.shape, length)) for each in parts]
        return _bag(call, mode, [table, *lines], weighted=weights is not None)
    offsets, closed = _offsets(call, begins, ends, indices)
    if offsets is None:
        return None
    stated = {"ragged": True, "closed": closed, "weighted": weights is not None}
    return _bag(call, mode, [table, indices, offsets, *parts[1:]], **stated)


def _bag(call: Call, mode: str, parts: list[Tensor], **stated: bool) -> Tensor:
    return call.emit(EmbeddingBag, *parts, mode=mode, to=parts[0].dtype, **stated)


def _equal_length(begins: Tensor, ends: Tensor, indices: Tensor) -> Dim | None:
    """The length of all bags, where these are known to be equally long and to have all INDICES."""
    known = _joined(begins, ends)
    if known is None or known[0] != 0 or indices.shape != (known[-1],):
        return None
    lengths = {end - begin for begin, end in pairwise(known)}
    return lengths.pop() if len(lengths) == 1 else None


def _joined(begins: Tensor, ends: Tensor) -> list[Dim] | None:
    """Where bags begin, and the last one ends, if that is known, and each ends where the next one begins."""
    first, last = _numbers(begins), _numbers(ends)
    if not last or first is None or first[1 : len(last)] != last[:-1]:
        return None
    return [*first[: len(last)], last[-1]]


def _numbers(tensor: Tensor) -> list[Dim] | None:
    """What TENSOR holds, if that is known."""
    if tensor.data is not None:
        return [int(each) for each in tensor.data]
    with suppress(Undecided):
        return None if tensor.sizes is None else list(as_dims(tensor.sizes))
    return None


def _offsets(call: Call, begins: Tensor, ends: Tensor, indices: Tensor) -> tuple[Tensor | None, bool]:
    """Where bags begin, and whether the end of the last one follows; None if some end elsewhere than the
    next one begins."""
    if begins.is_known and ends.is_known:
        known = _joined(begins, ends)
        if known is None:
            return None, False
        closed = indices.shape != (known[-1],)
        return _stated(call, known if closed else known[:-1]), closed
    if begins.value is None or ends.value is None:
        return None, False
    other, behind = _sliced(ends.value)
    whole, start = (other, 0) if other is begins.value else _sliced(begins.value)
    if whole is other:
        call.require(whole.type.shape[0], 1, "offsets that have the end of the last bag are not empty")
    if whole is not other or start != 0 or behind != 1 or whole.type.shape != (ends.shape[0] + 1,):
        return None, False
    joined = whole.producer
    parts = joined.parts if isinstance(joined, Concat) else ()
    if len(parts) == 2 and parts[0].type.shape == ends.shape and _holds(parts[1], indices):
        return Tensor.of(parts[0]), False
    return Tensor.of(whole), True


def _stated(call: Call, numbers: list[Dim]) -> Tensor:
    fixed = [number for number in numbers if isinstance(number, int)]
    if len(fixed) == len(numbers):
        return call.constant(fixed, I64)
    return Tensor.symbolic(np.array(numbers, object), I64)


def _sliced(value: Value) -> tuple[Value, object]:
    """What VALUE is cut out of, and from which element on."""
    op = value.producer
    return (op.x, op.starts[0]) if isinstance(op, Slice) and op.step_list[0] == 1 else (value, 0)


def _holds(value: Value, indices: Tensor) -> bool:
    """Whether VALUE is known to be the number of INDICES."""
    made = value.producer
    while isinstance(made, Reshape):
        made = made.x.producer
    if isinstance(made, Dims):
        return tuple(made.values) == indices.shape
    return isinstance(made, Constant) and tuple(made.array().reshape(-1).tolist()) == indices.shape
