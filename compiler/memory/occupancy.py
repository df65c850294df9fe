"""Which addresses are taken at which steps, so that the lowest free ones are found in logarithmic time.

A segment tree over the steps (de Berg et al., Computational Geometry, chapter 10): a stretch of steps is
the union of a few nodes, and what is taken at a node is kept as few, merged intervals of addresses.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import cycle


class Intervals:
    """Addresses as disjoint intervals [start, end) in ascending order, none adjoining the next."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> bool:
        """Take START to END; False when all of it was taken before."""
        first = bisect_left(self._ends, start)
        behind = bisect_right(self._starts, end)
        if first < behind:
            if self._starts[first] <= start and end <= self._ends[first]:
                return False
            start, end = min(start, self._starts[first]), max(end, self._ends[behind - 1])
        self._starts[first:behind] = [start]
        self._ends[first:behind] = [end]
        return True

    def lowest_gap(self, offset: int, size: int) -> int:
        """The lowest address, from OFFSET on, behind which SIZE bytes are free."""
        at = bisect_right(self._ends, offset)
        while at < len(self._starts) and self._starts[at] - offset < size:
            offset = self._ends[at]
            at += 1
        return offset


class Occupancy:
    """The addresses that are taken at each of so many STEPS."""

    def __init__(self, steps: int) -> None:
        self._leaves = 1 << max(steps - 1, 0).bit_length()
        # By node; the root is 1, the children of n are 2n and 2n + 1.
        self._throughout: defaultdict[int, Intervals] = defaultdict(Intervals)
        self._sometime: defaultdict[int, Intervals] = defaultdict(Intervals)

    def take(self, first: int, last: int, start: int, end: int) -> None:
        """The addresses START to END are taken at the steps FIRST to LAST."""
        for node in self._parts(first, last):
            self._throughout[node].add(start, end)
            while node and self._sometime[node].add(start, end):
                node >>= 1

    def taken(self, first: int, last: int) -> list[Intervals]:
        """What is taken at some of the steps FIRST to LAST: the union of these."""
        parts = list(self._parts(first, last))
        above = {node >> up for node in parts for up in range(1, node.bit_length())}
        found = [self._sometime[node] for node in parts if node in self._sometime]
        return found + [self._throughout[node] for node in above if node in self._throughout]

    def _parts(self, first: int, last: int) -> Iterator[int]:
        """The fewest nodes that stand for FIRST to LAST together."""
        low, high = first + self._leaves, last + self._leaves + 1
        while low < high:
            if low & 1:
                yield low
                low += 1
            if high & 1:
                high -= 1
                yield high
            low >>= 1
            high >>= 1


def lowest_gap(taken: Sequence[Intervals], size: int) -> int:
    """The lowest address behind which SIZE bytes are free in all of TAKEN."""
    offset = agreed = 0
    for intervals in cycle(taken):
        found = intervals.lowest_gap(offset, size)
        agreed = agreed + 1 if found == offset else 1
        offset = found
        if agreed == len(taken):
            break
    return offset
