"""Recognizes kernels that only concatenate or slice tensors, which views can make unnecessary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ....dialects.core.ir import Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.slicing import Slice
from ....dialects.precision import PrecisionKernel

_Placed = tuple[Value, tuple[Dim, ...]]


@dataclass(frozen=True)
class SourceSlice:
    """A slice of `source`, by start and step per dimension; its shape is that of the value it defines."""

    source: Value
    starts: tuple[Dim, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """An operand of a concat kernel, or a slice of one, and the index of its first element in the result."""

    source: Value
    starts: tuple[Dim, ...]
    shape: tuple[Dim, ...]
    cut: SourceSlice | None = None


def concat_pieces(kernel: PrecisionKernel) -> list[Piece] | None:
    """The pieces that KERNEL concatenates to its only result, in order; None when it does anything else."""
    yielded = kernel.body.block.terminator.inputs
    if len(yielded) != 1 or not isinstance(_plain(yielded[0]).producer, Concat):
        return None
    operands = dict(zip(kernel.body.block.arguments, kernel.inputs, strict=True))
    pieces: list[Piece] = []
    pending: list[_Placed] = [(yielded[0], (0,) * yielded[0].type.rank)]
    while pending:
        value, starts = pending.pop()
        value = _plain(value)
        producer = value.producer
        if value in operands:
            pieces.append(Piece(operands[value], starts, value.type.shape))
        elif isinstance(producer, Slice) and _plain(producer.x) in operands and min(producer.step_list) > 0:
            cut = _source_slice(producer, operands)
            pieces.append(Piece(cut.source, starts, value.type.shape, cut))
        elif isinstance(producer, Concat):
            pending.extend(reversed(_parts(producer, starts)))
        else:
            return None
    return pieces


def _parts(concat: Concat, starts: tuple[Dim, ...]) -> list[_Placed]:
    axis = concat.axis % len(starts)
    parts: list[_Placed] = []
    at = starts[axis]
    for value in concat.parts:
        parts.append((value, (*starts[:axis], at, *starts[axis + 1 :])))
        at = at + value.type.shape[axis]
    return parts


def result_slices(kernel: PrecisionKernel) -> list[SourceSlice] | None:
    """The slice of an operand that each of KERNEL's results is; None when it does anything else."""
    operands = dict(zip(kernel.body.block.arguments, kernel.inputs, strict=True))
    found = []
    for value in kernel.body.block.terminator.inputs:
        producer = _plain(value).producer
        if not isinstance(producer, Slice) or _plain(producer.x) not in operands:
            return None
        found.append(_source_slice(producer, operands))
    return found


def _source_slice(op: Slice, operands: Mapping[Value, Value]) -> SourceSlice:
    return SourceSlice(operands[_plain(op.x)], tuple(op.starts), op.step_list)


def other_work(kernel: PrecisionKernel) -> str | None:
    """What a KERNEL with a concat does besides it, as a reason for the ledger; None without a concat."""
    ops = [op for op in kernel.body.block if not has(op, Trait.TERMINATOR) and not has(op, Trait.CONSTANT)]
    if not any(isinstance(op, Concat) for op in ops):
        return None
    others = dict.fromkeys(op.name for op in ops if not isinstance(op, (Concat, Slice)))
    if others:
        return f"its kernel computes {', '.join(others)} as well"
    return "its kernel slices the joined tensor again, or reverses it"


def _plain(value: Value) -> Value:
    """VALUE, looked through casts to the same type."""
    while isinstance(value.producer, Cast) and value.producer.x.type.dtype == value.type.dtype:
        value = value.producer.x
    return value
