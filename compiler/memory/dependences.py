"""Dependencies between launches through memory, from which elements they write and read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from ...dialects.core.bounds import Range
from ...dialects.core.module import Function
from .footprint import Box, Footprint, Grid, UndecidedFootprint
from .launch_accesses import Access, Memory, memories_of

WIDE = 1 << 62  # beyond every offset


def dependences(
    function: Function, ranges: Mapping[str, Range], launches: range | None = None
) -> list[set[int]]:
    """For every launch of FUNCTION, the earlier launches that it depends on through memory.

    Two launches depend on each other when both access an element and at least one writes it. Parts of one
    buffer that overlap for no sizes in RANGES are independent. With LAUNCHES, only those are considered, and
    numbered from 0.
    """
    memories = memories_of(function).values()
    if launches is None:
        count = 1 + max((access.launch for memory in memories for access in memory.accesses()), default=-1)
        launches = range(count)
    needs: list[set[int]] = [set() for _ in launches]
    for memory in memories:
        _add(memory.within(launches), ranges, needs)
    return needs


def _add(memory: Memory, ranges: Mapping[str, Range], needs: list[set[int]]) -> None:
    writes = [*memory.writes, *memory.scratch]
    boxes = Boxes([access.shape for access in writes if access.shape is not None], ranges)
    near = _Neighbours(list(memory.accesses()), boxes)
    for write in writes:
        for other in near.of(write):
            first, second = sorted((write.launch, other.launch))
            if first != second and first not in needs[second] and boxes.meet(write, other):
                needs[second].add(first)


class _Neighbours:
    """An index of accesses along one dimension, so that not every pair has to be compared.

    A concat may have many parts, few of which overlap with any other access.
    """

    def __init__(self, accesses: Sequence[Access], boxes: Boxes) -> None:
        self._all = accesses
        places = [boxes.place(access) for access in accesses]
        known = [place for place in places if place is not None]
        # The dimension that separates the accesses best: the one with the most distinct intervals.
        self._axis = max(
            range(len(known[0]) if known else 0),
            key=lambda axis: len({place[axis] for place in known}),
            default=0,
        )
        self._boxes = boxes
        self._cells = sorted({at for place in known for at in place[self._axis]})
        self._anywhere = [access for access, place in zip(accesses, places, strict=True) if place is None]
        self._covering: list[list[Access]] = [[] for _ in self._cells]
        self._starting: list[list[Access]] = [[] for _ in self._cells]
        for access, place in zip(accesses, places, strict=True):
            if place is not None:
                begin, end = self._span(place)
                self._starting[begin].append(access)
                for cell in range(begin, end):
                    self._covering[cell].append(access)

    def of(self, access: Access) -> Iterator[Access]:
        """All accesses that may overlap with ACCESS."""
        place = self._boxes.place(access)
        if place is None:
            yield from self._all
            return
        begin, end = self._span(place)
        yield from self._anywhere
        yield from self._covering[begin]
        for cell in range(begin + 1, end):
            yield from self._starting[cell]

    def _span(self, place: Sequence[tuple[int, int]]) -> tuple[int, int]:
        low, high = place[self._axis]
        return bisect_left(self._cells, low), bisect_left(self._cells, high)


class Boxes:
    """The accesses to one buffer as boxes of a grid, as far as they are boxes."""

    def __init__(self, writes: Sequence[Footprint], ranges: Mapping[str, Range]) -> None:
        self._known: dict[Footprint, Box | None] = {}
        try:
            self._grid: Grid | None = Grid(writes, ranges)
        except UndecidedFootprint:
            self._grid = None

    def place(self, access: Access) -> list[tuple[int, int]] | None:
        """The box of ACCESS, with symbolic intervals widened to everything; None when there is no box."""
        box = None if access.shape is None else self._box(access.shape)
        if box is None:
            return None
        return [
            (low, high) if isinstance(low, int) and isinstance(high, int) else (-WIDE, WIDE)
            for low, high in box
        ]

    def meet(self, a: Access, b: Access) -> bool:
        """True unless A and B are proved to be disjoint."""
        if a.shape is None or b.shape is None:
            return False
        one, other = self._box(a.shape), self._box(b.shape)
        if self._grid is None or one is None or other is None:
            return True
        try:
            return not self._grid.disjoint(one, other)
        except UndecidedFootprint:
            return True

    def _box(self, shape: Footprint) -> Box | None:
        if shape not in self._known:
            try:
                self._known[shape] = self._grid.box(shape) if self._grid is not None else None
            except UndecidedFootprint:
                self._known[shape] = None
        return self._known[shape]
