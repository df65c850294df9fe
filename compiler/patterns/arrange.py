"""A rearrangement as ops: at most one slice, one transpose, and the reshapes that these need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from ...dialects.core.affine import Dim, product
from ...dialects.core.ir import Operation, Value
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from .arrangement import Digit, Rearrangement

Insert = Callable[[Operation], Operation]
Move = tuple[type[Operation], dict[str, Any]]  # an op, and its attributes


def arranged(value: Value, wanted: Rearrangement, insert: Insert) -> Value:
    """VALUE in the arrangement WANTED of it, by ops that INSERT puts in their place."""
    for kind, attributes in moves(wanted):
        value = insert(kind(value, **attributes)).result
    return value


def moves(wanted: Rearrangement) -> list[Move]:
    """The ops that bring a tensor into the arrangement WANTED, in order."""
    found, shape = _part(wanted)
    if not wanted.in_order:
        groups = _groups(wanted)
        order = {digit: place for place, digit in enumerate(wanted.order)}
        # Dimensions of one value hold no digits. They may stand anywhere, so they stand in front.
        perm = sorted(range(len(groups)), key=lambda place: order[groups[place][0]] if groups[place] else -1)
        split = [product(digit.size for digit in groups[place]) for place in perm]
        back = sorted(range(len(perm)), key=perm.__getitem__)
        found += [*_reshape(shape, split), (Transpose, {"perm": back})]
        shape = [split[place] for place in back]
    return found + _reshape(shape, wanted.shape)


def _part(wanted: Rearrangement) -> tuple[list[Move], Sequence[Dim]]:
    """The ops that take the part out of the source that WANTED has, and its shape: a slice of dimensions, or
    of digits."""
    if wanted.is_whole:
        return [], wanted.source
    found: list[Move] = []
    ranges = [_range(axis) for axis in wanted.axes]
    if any(span is None for span in ranges):
        digits = [digit for axis in wanted.axes for digit in axis]
        found = _reshape(wanted.source, [digit.extent for digit in digits])
        ranges = [(digit.start, digit.size) for digit in digits]
    starts, sizes = zip(*(span for span in ranges if span is not None), strict=True)
    return [*found, (Slice, {"starts": starts, "sizes": sizes})], sizes


def _range(axis: Sequence[Digit]) -> tuple[Dim, Dim] | None:
    """Where the positions start that the digits of AXIS make, and how many there are; None when they are
    not adjacent."""
    start: Dim = 0
    inside = False
    for digit in axis:
        if inside and not digit.whole:
            return None
        start, inside = start * digit.extent + digit.start, inside or digit.size != 1
    return start, product(digit.size for digit in axis)


def _groups(wanted: Rearrangement) -> list[list[Digit]]:
    """The digits of WANTED's result by its dimensions, apart where they are apart in the source."""
    order = {digit: place for place, digit in enumerate(wanted.order)}
    groups: list[list[Digit]] = []
    for dim in wanted.dims:
        digits = [digit for digit in dim if digit.size != 1]
        groups.append(digits[:1])
        for before, digit in pairwise(digits):
            if order[digit] == order[before] + 1:
                groups[-1].append(digit)
            else:
                groups.append([digit])
    return groups


def _reshape(shape: Sequence[Dim], to: Sequence[Dim]) -> list[Move]:
    return [] if tuple(shape) == tuple(to) else [(Reshape, {"shape": list(to)})]
