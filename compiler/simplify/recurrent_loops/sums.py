"""The sums that gates are functions of: products of the state, and what does not depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ....dialects.core.ir import Value
from ....dialects.graph.binary import Add
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.movement.concat import Concat
from .body import NoRecurrence, StepBody, bare, uncut


@dataclass(frozen=True)
class Summand:
    """A part of a sum: the columns of `value` from `start` on.

    Where `weights` are given it is the product of `value` with their rows from `row` on, of which columns are
    taken; turned: the weights have columns first.
    """

    value: Value
    start: int
    weights: Value | None = None
    turned: bool = False
    row: int = 0

    @property
    def source(self) -> tuple[object, ...]:
        """What it is of, whichever columns are taken."""
        return (self.value, self.weights, self.turned, self.row)


@dataclass
class Sum:
    """A sum of columns: products of what depends on the state, what does not, and others that do."""

    products: list[Summand] = field(default_factory=list)
    given: list[Summand] = field(default_factory=list)
    others: list[Summand] = field(default_factory=list)


def sum_of(body: StepBody, value: Value, start: int, size: int) -> Sum:
    """The parts of SIZE columns of VALUE from START on."""
    found = Sum()
    for part in _parts(body, value, start, size):
        if not body.depends(part.value):
            found.given.append(part)
        elif part.weights is not None:
            found.products.append(part)
        else:
            found.others.append(part)
    return found


def _parts(body: StepBody, value: Value, start: int, size: int) -> Iterator[Summand]:
    width = value.type.shape[-1]
    if body.depends(value) and isinstance(width, int) and width < start + size:
        raise NoRecurrence  # its columns are broadcast
    value, start = uncut(value, start)
    op = value.producer
    if not body.depends(value):
        yield Summand(value, start)
        return
    match op:
        case Add():
            for operand in op.inputs:
                whole = operand.type.shape[-1:] == value.type.shape[-1:]
                if not whole and body.depends(operand):
                    raise NoRecurrence
                yield from _parts(body, operand, start if whole else 0, size)
        case Matmul() if _is_product(body, op):
            yield from _product(op, start)
        case Concat() if op.axis % value.type.rank == value.type.rank - 1:
            yield from _within(body, op, start, size)
        case _:
            yield Summand(value, start)


def _is_product(body: StepBody, op: Matmul) -> bool:
    """Whether OP multiplies rows by weights of every step."""
    known = not op.transpose_a and op.accumulate is None and op.multiply is None
    return known and not body.depends(op.b) and all(size == 1 for size in op.b.type.shape[:-2])


def _product(op: Matmul, start: int) -> Iterator[Summand]:
    """The product OP, a part for each of those that its first operand is joined from."""
    a = bare(op.a)
    joined = a.producer
    if not isinstance(joined, Concat) or joined.axis % a.type.rank != a.type.rank - 1:
        yield Summand(a, start, op.b, op.transpose_b)
        return
    row = 0
    for part in joined.parts:
        size = part.type.shape[-1]
        if not isinstance(size, int):
            raise NoRecurrence
        yield Summand(bare(part), start, op.b, op.transpose_b, row)
        row += size


def _within(body: StepBody, op: Concat, start: int, size: int) -> Iterator[Summand]:
    """The part of OP that has all of the columns."""
    first = 0
    for part in op.parts:
        extent = part.type.shape[-1]
        if not isinstance(extent, int):
            break
        if first <= start and start + size <= first + extent:
            yield from _parts(body, part, start - first, size)
            return
        first += extent
    raise NoRecurrence
