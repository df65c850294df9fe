"""Finds tensors whose values are outside the range of their storage type, and the overrides that help.

Ranges are those of exact execution (the unfused graph in f64), because values that a plan in fp16 computes
after an overflow are meaningless. A tensor that overflows must be stored in a wider type, which its producer
decides, and multiplied in a wider type, which the contractions that read it decide.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.graph.constants import Constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.pad import Pad
from ...dialects.launch import Kernel
from ...dialects.launch_memory import View
from .measures import MeasuredRange, range_of

WIDER = "fp32"
# Some values underflow in most tensors, so an override is proposed only when most of a tensor becomes zero.
VANISHED_SHARE = 0.5
NO_RESULT = -1  # the position of an operand that a launch rounds while loading it


@dataclass(frozen=True)
class TensorRange:
    """The range of a tensor in its storage type: output `position` of launch `index`, which is `op`; or, with
    `product`, the operand of that contraction, which is rounded while it is loaded."""

    index: int
    position: int
    kernel: str
    op: Kernel
    stored: DType
    range: MeasuredRange
    product: Operation | None = None


@dataclass(frozen=True)
class TensorLoss:
    """A tensor that loses values outside the range of its storage type.

    tensor: 'result' of a launch, or 'weights' or 'operand' of one of its contractions; nodes: those of the op
    that produces or multiplies it; overrides: those that avoid the loss, in the form that `--override` takes,
    empty where little is lost.
    """

    index: int
    kernel: str
    tensor: str
    nodes: tuple[str, ...]
    stored: DType
    range: MeasuredRange
    overrides: tuple[str, ...]


def losses(ranges: Sequence[TensorRange]) -> list[TensorLoss]:
    """The tensors that lose values, among RANGES, which has all outputs of all launches in order."""
    found = []
    readers = _readers(ranges)
    for each in ranges:
        lost = each.range
        if not _is_loss(lost):
            continue
        proposed = tuple(dict.fromkeys(_overrides(each, readers))) if _is_grave(lost) else ()
        tensor, maker = ("result", _maker(each)) if each.product is None else ("operand", each.product)
        nodes = each.op.location.nodes if maker is None else maker.location.nodes
        found.append(TensorLoss(each.index, each.kernel, tensor, nodes, each.stored, lost, proposed))
    return found


def weight_losses(ranges: Sequence[TensorRange], graph: Module) -> list[TensorLoss]:
    """The weights in GRAPH, the plan's graph level, that lose values in the type that launches store."""
    given = {(op.name, op.location.nodes): op for op in graph.main.block if has(op, Trait.CONTRACTION)}
    found = []
    for each in ranges:
        for op in each.op.body.block if each.position == 0 else ():
            meant = given.get((op.name, op.location.nodes))
            weights = None if meant is None else meant.inputs[1].producer
            if not isinstance(weights, Constant):
                continue
            stored = op.inputs[1].type.dtype
            lost = range_of(weights.array(graph), stored)
            if _is_loss(lost):
                proposed = (_override(op),) if _is_grave(lost) else ()
                nodes = op.location.nodes
                found.append(TensorLoss(each.index, each.kernel, "weights", nodes, stored, lost, proposed))
    return found


def _is_loss(lost: MeasuredRange) -> bool:
    return lost.overflows > 0 or lost.subnormals > 0


def _is_grave(lost: MeasuredRange) -> bool:
    return lost.overflows > 0 or lost.vanished > VANISHED_SHARE * lost.nonzero


def _overrides(each: TensorRange, readers: dict[Value, list[tuple[Kernel, int]]]) -> Iterator[str]:
    if each.product is not None:
        yield _override(each.product)
        return
    maker = _maker(each)
    if maker is not None:
        yield _override(maker)
    written = each.op.writes[each.position]
    for kernel, index in readers.get(_root(written), ()):
        value = kernel.reads[index]
        # A different part of the same buffer is a different tensor.
        if value is written or value is _root(value) or written is _root(written):
            product = _multiplies(kernel, index)
            if product is not None and product.inputs[0].type.dtype.bits <= each.stored.bits:
                yield _override(product)


def _readers(ranges: Sequence[TensorRange]) -> dict[Value, list[tuple[Kernel, int]]]:
    """The kernels that read each buffer, in order, with the index of the operand."""
    found: dict[Value, list[tuple[Kernel, int]]] = {}
    for kernel in dict.fromkeys(each.op for each in ranges):
        for index, value in enumerate(kernel.reads):
            found.setdefault(_root(value), []).append((kernel, index))
    return found


def _root(value: Value) -> Value:
    while isinstance(value.producer, View):
        value = value.producer.x
    return value


def _maker(each: TensorRange) -> Operation | None:
    """The op whose result is stored; None for a copy, which stores the result of another kernel."""
    op = each.op.body.block.terminator.inputs[each.position].producer
    while isinstance(op, (Cast, Pad)) and not op.location.nodes:
        op = op.inputs[0].producer
    return op


def _multiplies(kernel: Kernel, index: int) -> Operation | None:
    """The contraction of KERNEL that multiplies operand INDEX or a value computed from it, if any."""
    argument = kernel.body.block.arguments[index]
    for op in kernel.body.block:
        if has(op, Trait.CONTRACTION) or op.name == "graph.attention":
            waiting, seen = list(op.inputs[:3]), set(op.inputs[:3])
            while waiting:
                value = waiting.pop()
                if value is argument:
                    return op
                new = [v for v in (value.producer.inputs if value.producer else ()) if v not in seen]
                waiting += new
                seen.update(new)
    return None


def _override(op: Operation) -> str:
    """The override that gives OP a wider format: by its first node, or by its op name if it has no node."""
    nodes = op.location.nodes
    subject = f"node:{glob.escape(nodes[0])}" if nodes else f"op:{op.name.removeprefix('graph.')}"
    return f"{subject}={WIDER}"
