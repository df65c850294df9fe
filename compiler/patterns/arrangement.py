"""Chains of reshape, transpose and slice as one arrangement of the elements that they start from.

Every dimension of the source is cut into digits, as finely as the chain needs: with S = H * D, the index of a
dimension of size S is h * D + d. Whatever the chain does, a dimension of its result is a list of digits, and
two chains that arrange elements alike are the same lists. Sizes may be symbolic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...dialects.core.affine import Dim, exact_div, product
from ...dialects.core.ir import Operation, Value
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice

MOVES = (Reshape, Transpose, Slice)


@dataclass(eq=False)
class Digit:
    """A digit of an index: SIZE of its EXTENT values, from START on."""

    extent: Dim
    start: Dim
    size: Dim

    @staticmethod
    def of(extent: Dim) -> Digit:
        return Digit(extent, 0, extent)

    @property
    def whole(self) -> bool:
        return self.size == self.extent


class Rearrangement:
    """Elements of a tensor of SHAPE in another arrangement; at first in their own.

    axes: the digits of every dimension of the source, in order; dims: of every dimension of the result, in
    order, without those of one value.
    """

    def __init__(self, shape: Iterable[Dim]) -> None:
        self.source = tuple(shape)
        self.axes = [[Digit.of(size)] for size in self.source]
        self.dims = [list(axis) for axis in self.axes]
        self.shape = self.source

    @staticmethod
    def through(shape: Iterable[Dim], chain: Iterable[Operation]) -> Rearrangement | None:
        """A tensor of SHAPE after the ops of CHAIN, in order; None when digits cannot express it."""
        found = Rearrangement(shape)
        return found if all(found.move(op) for op in chain) else None

    def move(self, op: Operation) -> bool:
        """Do what OP does; False, with this in an undefined state, when digits cannot express it."""
        match op:
            case Transpose():
                self.permute(op.perm)
                return True
            case Reshape():
                return self.reshape(op.result.type.shape)
            case Slice():
                return all(step == 1 for step in op.step_list) and self._slice(op)
        return False

    def permute(self, perm: Sequence[int]) -> None:
        """Make dimension perm[i] dimension i."""
        self.dims = [self.dims[axis] for axis in perm]
        self.shape = tuple(self.shape[axis] for axis in perm)

    def reshape(self, shape: Sequence[Dim]) -> bool:
        """Join and cut dimensions to those of SHAPE; False when a digit cannot be cut where it must be."""
        if 0 in self.shape:
            return False
        waiting = self.sequence[::-1]
        dims: list[list[Digit]] = []
        for size in shape:
            taken = self._taken(waiting, size)
            if taken is None:
                return False
            dims.append(taken)
        self.dims, self.shape = dims, tuple(shape)
        return not waiting

    def _taken(self, waiting: list[Digit], size: Dim) -> list[Digit] | None:
        """The first digits of WAITING, which ends with the first, that make SIZE; they are taken off."""
        taken: list[Digit] = []
        while size != 1:
            if not waiting:
                return None
            digit = waiting.pop()
            rest = exact_div(size, digit.size)
            if rest is None:
                parts = self._cut(digit, size)
                if parts is None:
                    return None
                digit, rest = parts[0], 1
                waiting.append(parts[1])
            taken.append(digit)
            size = rest
        return taken

    def _cut(self, digit: Digit, size: Dim) -> tuple[Digit, Digit] | None:
        """DIGIT as two, of which the first has SIZE values."""
        low = exact_div(digit.size, size)
        if low is None:
            return None
        extent, start = exact_div(digit.extent, low), exact_div(digit.start, low)
        if extent is None or start is None:
            return None
        parts = Digit(extent, start, size), Digit.of(low)
        axis = next(axis for axis in self.axes if digit in axis)
        at = axis.index(digit)
        axis[at : at + 1] = parts
        return parts

    def _slice(self, op: Slice) -> bool:
        kept = zip(self.dims, self.shape, op.starts, op.sizes, strict=True)
        cut = [_narrowed(digits, start, size) for digits, own, start, size in kept if own != size]
        self.dims = [[digit for digit in digits if digit.size != 1] for digits in self.dims]
        self.shape = tuple(op.sizes)
        return all(cut)

    def split_rows(self, in_source_order: bool) -> list[int]:
        """Give every digit but those of the last dimension a dimension of its own, in the order of the source
        or as they are, and none to those of one value; returns for each, in the order that they had, where it
        is now."""
        rows = [digit for dim in self.dims[:-1] for digit in dim if digit.size != 1]
        ordered = [digit for digit in self.order if digit in rows] if in_source_order else rows
        self.dims = [*([digit] for digit in ordered), self.dims[-1]]
        self.shape = (*(digit.size for digit in ordered), self.shape[-1])
        return [ordered.index(digit) for digit in rows]

    # ------------------------------------------------------------ what became of it

    @property
    def sequence(self) -> list[Digit]:
        """The digits of the result with more than one value, outermost first."""
        return [digit for dim in self.dims for digit in dim if digit.size != 1]

    @property
    def order(self) -> list[Digit]:
        """The same digits as the source has them."""
        return [digit for axis in self.axes for digit in axis if digit.size != 1]

    @property
    def in_order(self) -> bool:
        """Whether the result has its elements in the order of the source."""
        return self.sequence == self.order

    @property
    def is_strided(self) -> bool:
        """Whether one stride of the source leads along every dimension of the result."""
        digits = [digit for axis in self.axes for digit in axis if digit.extent != 1]
        behind = dict(pairwise(digits))
        inside = (pair for dim in self.dims for pair in pairwise(dim))
        return all(behind.get(outer) is inner and inner.whole for outer, inner in inside)

    @property
    def is_whole(self) -> bool:
        """Whether the result has all elements of the source."""
        return all(digit.whole for axis in self.axes for digit in axis)


def _narrowed(digits: Sequence[Digit], start: Dim, size: Dim) -> bool:
    """Keep SIZE positions from START on of the index that DIGITS make; False when they cannot express it."""
    if not digits:
        return size == 1
    first, *others = digits
    inner = product(digit.size for digit in others)
    begin, count = exact_div(start, inner), exact_div(size, inner)
    if begin is not None and count is not None:
        first.start, first.size = first.start + begin, count
        return True
    if not isinstance(start, int) or not isinstance(size, int) or not isinstance(inner, int):
        return False
    if start // inner != (start + size - 1) // inner:
        return False
    first.start, first.size = first.start + start // inner, 1
    return _narrowed(others, start % inner, size)


def moves_into(value: Value, kinds: tuple[type[Operation], ...] = MOVES) -> tuple[Value, list[Operation]]:
    """The value that VALUE is an arrangement of, by ops of KINDS, and these, in order.

    Values that others than movements read are made in any case: there it ends.
    """
    chain: list[Operation] = []
    while (op := value.producer) is not None and isinstance(op, kinds):
        chain.append(op)
        value = op.inputs[0]
        if not all(isinstance(user, MOVES) for user, _ in value.uses):
            break
    return value, chain[::-1]


def paths_from(value: Value) -> Iterator[list[Operation]]:
    """The ops from VALUE to each value that is an arrangement of it and that is read as such."""
    pending: list[tuple[Value, list[Operation]]] = [(value, [])]
    while pending:
        at, path = pending.pop()
        onwards = [user for user in at.users if isinstance(user, MOVES)]
        if len(onwards) < len(at.users):
            yield path
        pending += [(user.result, [*path, user]) for user in onwards]
