"""Kernels that only join or cut tensors: what a plan of the memory can make unnecessary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ....dialects.core.ir import Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.movement import Concat, Slice
from ....dialects.precision import PrecisionKernel

_Placed = tuple[Value, tuple[Dim, ...]]


@dataclass(frozen=True)
class Cut:
    """A value that is part of an operand: its shape says how much of it."""

    source: Value
    starts: tuple[Dim, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """An operand of a kernel, or a cut of one, and where its first element lies in the result."""

    source: Value
    starts: tuple[Dim, ...]
    shape: tuple[Dim, ...]
    cut: Cut | None = None


def joined(kernel: PrecisionKernel) -> list[Piece] | None:
    """The operands, or cuts of them, that KERNEL's only result consists of, one after the other; None when
    it does more."""
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
            cut = _cut(producer, operands)
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


def cuts(kernel: PrecisionKernel) -> list[Cut] | None:
    """For each of KERNEL's results the part of an operand that it is; None when it does more."""
    operands = dict(zip(kernel.body.block.arguments, kernel.inputs, strict=True))
    found = []
    for value in kernel.body.block.terminator.inputs:
        producer = _plain(value).producer
        if not isinstance(producer, Slice) or _plain(producer.x) not in operands:
            return None
        found.append(_cut(producer, operands))
    return found


def _cut(op: Slice, operands: Mapping[Value, Value]) -> Cut:
    return Cut(operands[_plain(op.x)], tuple(op.starts), op.step_list)


def works_beside(kernel: PrecisionKernel) -> str | None:
    """What a KERNEL that joins tensors does besides, in words; None when it joins none."""
    ops = [op for op in kernel.body.block if not has(op, Trait.TERMINATOR) and not has(op, Trait.CONSTANT)]
    if not any(isinstance(op, Concat) for op in ops):
        return None
    others = dict.fromkeys(op.name for op in ops if not isinstance(op, (Concat, Slice)))
    if others:
        return f"its kernel does {', '.join(others)} as well"
    return "its kernel cuts what it has joined, or turns it around"


def _plain(value: Value) -> Value:
    """VALUE without casts that change nothing."""
    while isinstance(value.producer, Cast) and value.producer.x.type.dtype == value.type.dtype:
        value = value.producer.x
    return value
