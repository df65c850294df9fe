"""Places buffers in the arena when launches run concurrently on several streams.

Two buffers may share memory when every launch that accesses one has ended before any launch that
accesses the other starts. Larger buffers are placed first, as in `placement`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ...dialects.core.module import Module
from ...dialects.launch_memory import largest
from .launch_accesses import memories_of
from .occupancy import Occupancy, lowest_gap
from .placement import aligned, largest_first
from .stream_order import StreamOrder

Stretch = tuple[int, int]  # a range of launches, both ends included


@dataclass(frozen=True)
class Use:
    """A buffer of `size` bytes that `launches`, at least one, access."""

    size: int
    launches: Collection[int]


class _Concurrency:
    """Which launches may run concurrently with those that access a buffer, by streams and waits."""

    def __init__(self, order: StreamOrder) -> None:
        self._order = order
        self._by_stream: list[list[int]] = [[] for _ in range(order.count)]
        for launch, stream in enumerate(order.streams):
            self._by_stream[stream].append(launch)

    def accessing(self, use: Use) -> Iterator[tuple[int, Stretch]]:
        """For each stream, the first and the last launch that access USE."""
        for stream in {self._order.streams[launch] for launch in use.launches}:
            own = [launch for launch in use.launches if self._order.streams[launch] == stream]
            yield stream, (min(own), max(own))

    def concurrent_with(self, use: Use) -> Iterator[tuple[int, Stretch]]:
        """For each stream, the launches that may run concurrently with USE: those that are neither
        guaranteed to end before it starts nor to start after it ends."""
        clocks = self._order.clocks
        ended = tuple(map(min, zip(*(clocks[launch] for launch in use.launches), strict=True)))
        accessing = dict(self.accessing(use))
        for stream, launches in enumerate(self._by_stream):
            behind = max(self._behind(launches, other, last) for other, (_, last) in accessing.items())
            if ended[stream] + 1 < behind:
                yield stream, (ended[stream] + 1, behind - 1)

    def _behind(self, launches: Sequence[int], stream: int, launch: int) -> int:
        """The first of LAUNCHES, all on one stream, that starts after LAUNCH on STREAM has ended."""
        clocks = self._order.clocks
        at = bisect_left(launches, launch, key=lambda other: clocks[other][stream])
        return launches[at] if at < len(launches) else len(clocks)


class _Arena:
    """The arena: which uses hold which bytes.

    Two uses may share bytes only when one ends before the other starts. They must not when their ranges of
    launches overlap in list order, nor when one has launches that may run concurrently with the other.
    """

    def __init__(self, order: StreamOrder) -> None:
        steps = len(order.clocks)
        self._concurrency = _Concurrency(order)
        self._listed = Occupancy(steps)
        self._held = [Occupancy(steps) for _ in range(order.count)]

    def lowest_gap(self, use: Use) -> int:
        """The lowest offset at which USE shares bytes with no use that it may overlap with in time."""
        taken = self._listed.taken(min(use.launches), max(use.launches))
        for stream, stretch in self._concurrency.concurrent_with(use):
            taken += self._held[stream].taken(*stretch)
        return lowest_gap(taken, use.size)

    def take(self, use: Use, start: int, end: int) -> None:
        """Give the bytes [START, END) to USE."""
        self._listed.take(min(use.launches), max(use.launches), start, end)
        for stream, stretch in self._concurrency.accessing(use):
            self._held[stream].take(*stretch, start, end)


def place_in_order(uses: Sequence[Use], order: StreamOrder) -> list[int]:
    """Offsets, multiples of 256 bytes, for all USES by launches in ORDER."""
    offsets = [0] * len(uses)
    arena = _Arena(order)
    for index in largest_first([use.size for use in uses]):
        use = uses[index]
        offsets[index] = start = arena.lowest_gap(use)
        arena.take(use, start, start + aligned(use.size))
    return offsets


def place_concurrent(module: Module, order: StreamOrder) -> None:
    """Give every arena buffer of a launch-level MODULE its offset; its launches run in ORDER."""
    buffers, uses = [], []
    for memory in memories_of(module.main).values():
        launches = {access.launch for access in memory.accesses()}
        if memory.op is None or memory.space != "arena":
            continue
        memory.op.offset = 0  # kept by buffers that nothing accesses
        if launches:
            buffers.append(memory.op)
            uses.append(Use(largest(memory.bytes, module), launches))
    for buffer, offset in zip(buffers, place_in_order(uses, order), strict=True):
        buffer.offset = offset
