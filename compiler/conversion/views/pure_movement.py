"""Kernels that only join or cut tensors: what a plan of the memory can make unnecessary."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ....dialects.core.ir import Value
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.movement import Concat, Slice
from ....dialects.precision import Kernel

_Placed = tuple[Value, tuple[Dim, ...]]


@dataclass(frozen=True)
class Piece:
    """An operand of a kernel, and where its first element lies in the result."""

    source: Value
    starts: tuple[Dim, ...]


@dataclass(frozen=True)
class Cut:
    """A result that is part of an operand: SIZES of it are the result's shape."""

    source: Value
    starts: tuple[Dim, ...]
    steps: tuple[int, ...]


def joined(kernel: Kernel) -> list[Piece] | None:
    """The operands that KERNEL's only result consists of, one after the other; None when it does more."""
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
            pieces.append(Piece(operands[value], starts))
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


def cuts(kernel: Kernel) -> list[Cut] | None:
    """For each of KERNEL's results the part of an operand that it is; None when it does more."""
    operands = dict(zip(kernel.body.block.arguments, kernel.inputs, strict=True))
    found = []
    for value in kernel.body.block.terminator.inputs:
        producer = _plain(value).producer
        if not isinstance(producer, Slice) or _plain(producer.x) not in operands:
            return None
        steps = producer.step_list
        found.append(Cut(operands[_plain(producer.x)], tuple(producer.starts), steps))
    return found


def _plain(value: Value) -> Value:
    """VALUE without casts that change nothing."""
    while isinstance(value.producer, Cast) and value.producer.x.type.dtype == value.type.dtype:
        value = value.producer.x
    return value
