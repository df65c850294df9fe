"""Axes that are inputs: known at run time only. Shapes depend on them, the program does not.

Every fact about an axis (is it chosen? where does it go?) is 0 or 1 by the values of symbols, by which sizes
are selected or multiplied. A tensor of shape [2, 3, 4] without the axis `a` has the shape [select(a = 0, 3,
2), select(a = 2, 3, 4)].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from ...dialects.core.affine import Dim, product, total
from ...dialects.core.sizes.sizes import Sizes
from . import symbolic
from .call import Call
from .contents import ElementRange
from .lists import NumberList, number_list


def axis_ranges(rank: int, count: int) -> list[ElementRange]:
    """The expected ranges of COUNT axes of a tensor of RANK dimensions."""
    return [ElementRange(-rank, min(place, rank - 1), rank - 1) for place in range(count if rank else 0)]


def known_axes(call: Call, index: int, rank: int) -> tuple[int, ...] | AxesAtRun | None:
    """The axes in the optional input INDEX, of a tensor of RANK dimensions: numbers as stated, else symbols.

    None if the input is absent.
    """
    x = call.optional(index)
    if x is None:
        return None
    found = axis_list(call, index, rank)
    numbers = tuple(value for value in found.values if isinstance(value, int))
    if found.is_whole and len(numbers) == len(found.values):
        return numbers
    return AxesAtRun.of(call, found.values, rank, found.count)


def axis_list(call: Call, index: int, rank: int) -> NumberList:
    """The axes in the input INDEX, of a tensor of RANK dimensions; not checked."""
    return number_list(call, index, "its list of axes", partial(axis_ranges, rank), rank)


@dataclass(frozen=True)
class AxesAtRun:
    """Distinct axes of a tensor of `rank` dimensions, counted from the front, in the order of the model; the
    first `count` of `places`. What depends on how many there are (`without`) needs all."""

    places: tuple[Dim, ...]
    rank: int
    sizes: Sizes
    count: Dim

    @staticmethod
    def of(call: Call, values: Sequence[Dim], rank: int, count: Dim | None = None) -> AxesAtRun:
        """The axes VALUES, or the first COUNT of them, which may count from the end. Requires that they are
        valid and distinct."""
        sizes, places = call.builder.sizes_known, []
        for value in values:
            call.require(value, -rank, f"the axis {value} is valid for rank {rank}")
            call.require(rank - 1, value, f"the axis {value} is valid for rank {rank}")
            places.append(symbolic.choose(value, value, value + rank, sizes))
        found = AxesAtRun(tuple(places), rank, sizes, len(places) if count is None else count)
        for index, place in enumerate(places):
            for other in places[:index]:
                again = found._at(index, _same(place, other, sizes))
                call.require_equal(again, 0, "its axes are distinct")
        return found

    def has(self, axis: int) -> Dim:
        """1 where AXIS is among the axes, else 0."""
        places = enumerate(self.places)
        return total(self._at(index, _same(place, axis, self.sizes)) for index, place in places)

    def or_all(self) -> AxesAtRun:
        """These axes, or all axes of the tensor if the list is empty."""
        if isinstance(self.count, int):
            return self
        places = (
            symbolic.choose(self.count - 1, place, axis, self.sizes) for axis, place in enumerate(self.places)
        )
        return replace(
            self,
            places=tuple(places),
            count=symbolic.choose(self.count - 1, self.count, self.rank, self.sizes),
        )

    def _at(self, index: int, value: Dim) -> Dim:
        """VALUE if there are more than INDEX axes, else 0."""
        return symbolic.choose(self.count - 1 - index, value, 0, self.sizes)

    def spread(self, values: Sequence[Dim], rest: Sequence[Dim]) -> list[Dim]:
        """One entry for every axis of the tensor: that of VALUES for the axes listed here, in order, else
        that of REST."""
        result = list(rest)
        for index, (place, value) in enumerate(zip(self.places, values, strict=True)):
            for axis in range(self.rank):
                here = self._at(index, _same(place, axis, self.sizes))
                result[axis] = self._if(here, value, result[axis])
        return result

    def without(self, shape: Sequence[Dim]) -> list[Dim]:
        """SHAPE without the axes."""
        result: list[Dim] = [1] * (self.rank - len(self.places))
        position: Dim = 0
        for axis, size in enumerate(shape):
            stays = 1 - self.has(axis)
            for index, old in enumerate(result):
                here = stays * _same(position, index, self.sizes)
                result[index] = self._if(here, size, old)
            position = position + stays
        return result

    def inserted_into(self, shape: Sequence[Dim]) -> list[Dim]:
        """SHAPE with a size of 1 inserted at each of the axes, which count in the result."""
        result: list[Dim] = []
        position: Dim = 0
        for axis in range(self.rank):
            old: Dim = 1
            for index, size in enumerate(shape):
                old = self._if(_same(position, index, self.sizes), size, old)
            new = self.has(axis)
            result.append(self._if(new, 1, old))
            position = position + 1 - new
        return result

    def apart(self, shape: Sequence[Dim]) -> list[Dim]:
        """SHAPE with every size split in two, one of which is 1.

        The size comes second (at dimensions 1, 3, 5, ...) for the axes listed here, first for others.
        """
        result: list[Dim] = []
        for axis, size in enumerate(shape):
            chosen = self.has(axis)
            result += [self._if(chosen, 1, size), self._if(chosen, size, 1)]
        return result

    def around(self, shape: Sequence[Dim]) -> list[Dim]:
        """SHAPE in three dimensions: the sizes before the only axis, the axis, the sizes after it."""
        (place,) = self.places
        before, behind = (
            [self._if(symbolic.choose(far - 1, 1, 0, self.sizes), size, 1) for size, far in distances]
            for distances in (
                [(size, place - axis) for axis, size in enumerate(shape)],
                [(size, axis - place) for axis, size in enumerate(shape)],
            )
        )
        inside = [self._if(self.has(axis), size, 1) for axis, size in enumerate(shape)]
        return [product(sizes) for sizes in (before, inside, behind)]

    def ones_at(self, shape: Sequence[Dim]) -> list[Dim]:
        """SHAPE with the sizes at the axes replaced by 1."""
        return [self._if(self.has(axis), 1, size) for axis, size in enumerate(shape)]

    def _if(self, condition: Dim, yes: Dim, no: Dim) -> Dim:
        """YES if CONDITION, which is 0 or 1, is 1, else NO."""
        return symbolic.choose(condition - 1, yes, no, self.sizes)


def _same(a: Dim, b: Dim, sizes: Sizes) -> Dim:
    """1 where A equals B, else 0."""
    least = symbolic.choose(a - b, 1, 0, sizes)
    return symbolic.choose(b - a, least, 0, sizes)
