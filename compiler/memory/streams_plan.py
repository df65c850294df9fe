"""Places buffers when launches run at the same time.

Two buffers may share memory when every launch that touches one has ended before any that touches
the other begins. Larger buffers are placed first, as in `memory_plan`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ...dialects.core.ir import Module
from ...dialects.launch import largest
from .launch_accesses import memories_of
from .occupancy import Occupancy, lowest_gap
from .plan import aligned, largest_first
from .streams_order import Ordered

Stretch = tuple[int, int]  # of launches, both ends included


@dataclass(frozen=True)
class Use:
    """A buffer of `size` bytes that `launches`, at least one, touch."""

    size: int
    launches: Collection[int]


class _Concurrency:
    """What streams and waits say of the launches that touch one buffer."""

    def __init__(self, order: Ordered) -> None:
        self._order = order
        self._by_stream: list[list[int]] = [[] for _ in range(order.count)]
        for launch, stream in enumerate(order.streams):
            self._by_stream[stream].append(launch)

    def held(self, use: Use) -> Iterator[tuple[int, Stretch]]:
        """By stream: the first and the last launch that touch USE."""
        for stream in {self._order.streams[launch] for launch in use.launches}:
            own = [launch for launch in use.launches if self._order.streams[launch] == stream]
            yield stream, (min(own), max(own))

    def beside(self, use: Use) -> Iterator[tuple[int, Stretch]]:
        """By stream: the launches that neither surely end before USE begins nor begin after it ends."""
        clocks = self._order.clocks
        ended = tuple(map(min, zip(*(clocks[launch] for launch in use.launches), strict=True)))
        held = dict(self.held(use))
        for stream, launches in enumerate(self._by_stream):
            behind = max(self._behind(launches, other, last) for other, (_, last) in held.items())
            if ended[stream] + 1 < behind:
                yield stream, (ended[stream] + 1, behind - 1)

    def _behind(self, launches: Sequence[int], stream: int, launch: int) -> int:
        """The first of the LAUNCHES of a stream that begins after LAUNCH on STREAM has ended."""
        clocks = self._order.clocks
        at = bisect_left(launches, launch, key=lambda other: clocks[other][stream])
        return launches[at] if at < len(launches) else len(clocks)


class _Arena:
    """Who uses which bytes.

    Two uses are apart when one ends before the other begins. They are not when the launches from the first
    to the last of one meet those of the other, as listed; else, when one holds launches beside the other.
    """

    def __init__(self, order: Ordered) -> None:
        steps = len(order.clocks)
        self._concurrency = _Concurrency(order)
        self._listed = Occupancy(steps)
        self._held = [Occupancy(steps) for _ in range(order.count)]

    def lowest_gap(self, use: Use) -> int:
        """The lowest offset at which USE meets nobody."""
        taken = self._listed.taken(min(use.launches), max(use.launches))
        for stream, stretch in self._concurrency.beside(use):
            taken += self._held[stream].taken(*stretch)
        return lowest_gap(taken, use.size)

    def take(self, use: Use, start: int, end: int) -> None:
        """The bytes START to END are given to USE."""
        self._listed.take(min(use.launches), max(use.launches), start, end)
        for stream, stretch in self._concurrency.held(use):
            self._held[stream].take(*stretch, start, end)


def place_in_order(uses: Sequence[Use], order: Ordered) -> list[int]:
    """Offsets (multiples of 256 bytes) for all USES by launches that stand in ORDER."""
    offsets = [0] * len(uses)
    arena = _Arena(order)
    for index in largest_first([use.size for use in uses]):
        use = uses[index]
        offsets[index] = start = arena.lowest_gap(use)
        arena.take(use, start, start + aligned(use.size))
    return offsets


def place_concurrent(module: Module, order: Ordered) -> None:
    """Give every arena buffer of a launch MODULE its offset; its launches stand in ORDER."""
    buffers, uses = [], []
    for memory in memories_of(module.main).values():
        launches = {access.launch for access in memory.accesses()}
        if memory.op is None or memory.space != "arena":
            continue
        memory.op.offset = 0  # stays where nothing uses it
        if launches:
            buffers.append(memory.op)
            uses.append(Use(largest(memory.bytes, module.ranges), launches))
    for buffer, offset in zip(buffers, place_in_order(uses, order), strict=True):
        buffer.offset = offset
