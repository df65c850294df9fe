"""Arena occupancy over time: which addresses are taken at which steps.

A segment tree over the steps (de Berg et al., Computational Geometry, chapter 10): a live range is the
union of logarithmically many nodes, and each node keeps its taken addresses as merged intervals.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import cycle


class Intervals:
    """A set of addresses, as disjoint intervals [start, end) in ascending order, merged where they touch."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> bool:
        """Add [START, END); False when all of it was taken before."""
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
        """The lowest address, from OFFSET on, at which SIZE bytes are free."""
        at = bisect_right(self._ends, offset)
        while at < len(self._starts) and self._starts[at] - offset < size:
            offset = self._ends[at]
            at += 1
        return offset


class Occupancy:
    """The addresses that are taken at each of STEPS steps."""

    def __init__(self, steps: int) -> None:
        self._leaves = 1 << max(steps - 1, 0).bit_length()
        # By node; the root is 1, the children of n are 2n and 2n + 1.
        self._throughout: defaultdict[int, Intervals] = defaultdict(Intervals)
        self._sometime: defaultdict[int, Intervals] = defaultdict(Intervals)

    def take(self, first: int, last: int, start: int, end: int) -> None:
        """Take the addresses [START, END) at the steps FIRST to LAST, both included."""
        for node in self._parts(first, last):
            self._throughout[node].add(start, end)
            while node and self._sometime[node].add(start, end):
                node >>= 1

    def taken(self, first: int, last: int) -> list[Intervals]:
        """The addresses that are taken at any of the steps FIRST to LAST: the union of these sets."""
        parts = list(self._parts(first, last))
        above = {node >> up for node in parts for up in range(1, node.bit_length())}
        found = [self._sometime[node] for node in parts if node in self._sometime]
        return found + [self._throughout[node] for node in above if node in self._throughout]

    def _parts(self, first: int, last: int) -> Iterator[int]:
        """The fewest nodes whose union is the steps FIRST to LAST."""
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
    """The lowest address at which SIZE bytes are free in all of TAKEN."""
    offset = agreed = 0
    for intervals in cycle(taken):
        found = intervals.lowest_gap(offset, size)
        agreed = agreed + 1 if found == offset else 1
        offset = found
        if agreed == len(taken):
            break
    return offset
