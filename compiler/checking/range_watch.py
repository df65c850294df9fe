"""Tensors whose values do not fit the type they are stored in, and what to ask for instead.

Ranges are those of exact execution (the unfused graph in f64): what a plan in fp16 computes after an
overflow says nothing any more. A tensor that overflows must be stored wider, which is up to the op
that makes it, and multiplied wider, which is up to the contractions that read it.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Module, Operation, Value
from ...dialects.core.traits import Trait, has
from ...dialects.graph.constants import Constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement import Pad
from ...dialects.launch import Kernel, View
from .measures import MeasuredRange, range_of

WIDER = "fp32"
# Small values are rounded all the time; an override is proposed when most of a tensor becomes zero.
VANISHED_SHARE = 0.5
NO_RESULT = -1  # the position of what a launch rounds while it loads it


@dataclass(frozen=True)
class TensorRange:
    """What storing did to output POSITION of the launch of OP, at INDEX; or what rounding did to the
    operand of PRODUCT while it was loaded."""

    index: int
    position: int
    kernel: str
    op: Kernel
    stored: DType
    range: MeasuredRange
    product: Operation | None = None


@dataclass(frozen=True)
class TensorLoss:
    """A tensor that storing changes beyond rounding: a result of a launch, or the weights or the operand
    that it multiplies.

    nodes: those of the op that makes or multiplies it; overrides: what to ask for instead, in the form
    that `--override` takes, empty where little is lost.
    """

    index: int
    kernel: str
    tensor: str
    nodes: tuple[str, ...]
    stored: DType
    range: MeasuredRange
    overrides: tuple[str, ...]


def losses(ranges: Sequence[TensorRange]) -> list[TensorLoss]:
    """The tensors among RANGES, one for every output of every launch in order, that lose values."""
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
    """The weights in GRAPH, the plan's graph level, that lose values as the launches of RANGES store them."""
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
        # Another part of one buffer is another tensor.
        if value is written or value is _root(value) or written is _root(written):
            product = _multiplies(kernel, index)
            if product is not None and product.inputs[0].type.dtype.bits <= each.stored.bits:
                yield _override(product)


def _readers(ranges: Sequence[TensorRange]) -> dict[Value, list[tuple[Kernel, int]]]:
    """The kernels that read each buffer, in order, with the number of the operand."""
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
    """The op whose result is stored; None for a copy, which stores what another kernel made."""
    op = each.op.body.block.terminator.inputs[each.position].producer
    while isinstance(op, (Cast, Pad)) and not op.location.nodes:
        op = op.inputs[0].producer
    return op


def _multiplies(kernel: Kernel, index: int) -> Operation | None:
    """The contraction of KERNEL that multiplies its operand INDEX, or what is computed from it."""
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
    """The override that asks for a wider format of OP: by its first node, or by its name without one."""
    nodes = op.location.nodes
    subject = f"node:{glob.escape(nodes[0])}" if nodes else f"op:{op.name.removeprefix('graph.')}"
    return f"{subject}={WIDER}"
