"""An arrangement as ops: at most a slice, a reshape, a slice, a transpose and a reshape, in this order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from ...dialects.core.affine import Dim, product
from ...dialects.core.ir import Operation, Value
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from .arrangement import Digit, Rearrangement

Insert = Callable[[Operation], Operation]


def arranged(value: Value, wanted: Rearrangement, insert: Insert) -> Value:
    """VALUE in the arrangement WANTED of it, by ops that INSERT puts in their place."""
    value = _part(value, wanted, insert)
    if wanted.in_order:
        return _reshaped(value, wanted.shape, insert)
    groups = _groups(wanted)
    order = {digit: place for place, digit in enumerate(wanted.order)}
    # Dimensions of one value hold no digits. They may stand anywhere, so they stand in front.
    perm = sorted(range(len(groups)), key=lambda place: order[groups[place][0]] if groups[place] else -1)
    split = _reshaped(value, [product(digit.size for digit in groups[place]) for place in perm], insert)
    back = sorted(range(len(perm)), key=perm.__getitem__)
    return _reshaped(insert(Transpose(split, perm=back)).result, wanted.shape, insert)


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


def _part(value: Value, wanted: Rearrangement, insert: Insert) -> Value:
    """The part of VALUE that WANTED has: a slice of it, or of its digits."""
    if wanted.is_whole:
        return value
    ranges = [_range(axis) for axis in wanted.axes]
    if any(span is None for span in ranges):
        digits = [digit for axis in wanted.axes for digit in axis]
        value = _reshaped(value, [digit.extent for digit in digits], insert)
        ranges = [(digit.start, digit.size) for digit in digits]
    starts, sizes = zip(*(span for span in ranges if span is not None), strict=True)
    return insert(Slice(value, starts=starts, sizes=sizes)).result


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


def _reshaped(value: Value, shape: Sequence[Dim], insert: Insert) -> Value:
    if value.type.shape == tuple(shape):
        return value
    return insert(Reshape(value, shape=shape)).result
