"""recentre-zero-point: switches quantized tensors between i8 and u8 where that makes the zero point 0.

    dequantize(quantize(x, s, -128) : i8, s, -128)  =>  dequantize(quantize(x, s) : u8, s)

i8 with zero point -128 has the range of u8 with 0, and u8 with 128 that of i8 with 0. A zero point of 0 is
free for a contraction: it needs no correction term, and the padding of a convolution is zeros in memory too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ....dialects.control import all_blocks
from ....dialects.core.dtypes import I8, U8, DType
from ....dialects.core.ir import Operation, Value
from ....dialects.core.module import Module
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.reshape import Reshape, Transpose
from ....dialects.graph.movement.slicing import Slice
from ....dialects.graph.pool import MaxPool
from ....dialects.graph.quantization import Dequantize, Quantize
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from ...patterns.matching import constant_array

KEEPS_SCALING = (MaxPool, Reshape, Transpose, Slice, Concat)
RECENTRED = {(I8, -128): U8, (U8, 128): I8}


@dataclass
class _ScaleGroup:
    """Tensors with the same scale and zero point, because ops between them only move elements.

    `conversions` are those at its border; `closed`: nothing else reads or writes the tensors.
    """

    values: list[Value] = field(default_factory=list)
    conversions: list[Quantize | Dequantize] = field(default_factory=list)
    closed: bool = True


class RecentreZeroPoints:
    """Turns zero points at an end of the type's range into 0, for tensors that are not inputs or outputs."""

    name = "recentre-zero-point"

    def run(self, module: Module, context: PassContext) -> Module:
        if self.name in context.disabled:
            return module
        for block in all_blocks(module):
            seen: set[Value] = set()
            for op in list(block):
                if isinstance(op, Quantize) and op.result not in seen and not context.exhausted:
                    _recentre(_group(op.result, seen), module, context)
        return module


def _group(start: Value, seen: set[Value]) -> _ScaleGroup:
    """START and all tensors that share its scale and zero point: moved from or to it, or concatenated with
    it."""
    group = _ScaleGroup()
    pending = [start]
    seen.add(start)
    while pending:
        value = pending.pop()
        group.values.append(value)
        for neighbour in _neighbours(value, group):
            if neighbour not in seen:
                seen.add(neighbour)
                pending.append(neighbour)
    return group


def _neighbours(value: Value, group: _ScaleGroup) -> Iterator[Value]:
    producer = value.producer
    if isinstance(producer, Quantize):
        group.conversions.append(producer)
    elif isinstance(producer, KEEPS_SCALING):
        yield from producer.inputs
    else:
        group.closed = False
    for user in value.users:
        if isinstance(user, Dequantize):
            group.conversions.append(user)
        elif isinstance(user, KEEPS_SCALING) and len(user.results) == 1:
            yield user.results[0]
        else:
            group.closed = False


def _recentre(group: _ScaleGroup, module: Module, context: PassContext) -> None:
    first = group.conversions[0]
    kind = group.values[0].type.dtype
    target = RECENTRED.get((kind, _zero_point(first, module)))
    if target is None:
        return
    nodes = dict.fromkeys(node for op in group.conversions for node in op.location.nodes)
    alike = all(_zero_point(op, module) == _zero_point(first, module) for op in group.conversions)
    if not group.closed or not alike:
        reason = "not only conversions with one zero point read and write the stored tensor"
        context.ledger.add(
            RecentreZeroPoints.name, Verdict.REFUSED, reason, ops=(first.name,), nodes=tuple(nodes)
        )
        return
    reason = f"{kind} stored as {target} with zero point 0"
    context.note(RecentreZeroPoints.name, reason, first.name, tuple(nodes))
    for value in group.values:
        value.type = value.type.with_dtype(target)
    for op in dict.fromkeys(group.conversions):
        _replace(op, target)


def _zero_point(op: Quantize | Dequantize, module: Module) -> int:
    array = None if op.zero_point is None else constant_array(op.zero_point, module)
    return int(array) if array is not None and array.ndim == 0 else 0


def _replace(op: Operation, target: DType) -> None:
    """Replace OP by the same conversion without a zero point, with TARGET as its quantized type."""
    attributes = dict(op.attributes)
    if isinstance(op, Quantize):
        attributes["to"] = target
    new = type(op)(*op.operands[:2], loc=op.location, **attributes)
    assert op.parent is not None
    op.parent.insert_before(op, new)
    op.replace_by(*new.results)
