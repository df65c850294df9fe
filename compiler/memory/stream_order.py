"""The order of launches on several streams: which event waits dependencies need, and what ends when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StreamOrder:
    """Launches in order: the stream of each, and the launches on other streams that each waits for.

    `clocks[i][s]` is the last launch on stream s that is guaranteed to end before launch i starts, -1 for
    none; all launches before it on that stream have then ended, too.
    """

    streams: tuple[int, ...]
    waits: tuple[tuple[int, ...], ...]
    clocks: tuple[tuple[int, ...], ...]

    @property
    def count(self) -> int:
        """The number of streams."""
        return 1 + max(self.streams, default=0)


def order_on_streams(needs: Sequence[set[int]], streams: Sequence[int]) -> StreamOrder:
    """Launches on STREAMS with the fewest waits that satisfy the dependencies NEEDS.

    A wait is left out when the order within streams and earlier waits imply it. Time is launches times
    streams, besides the dependencies.
    """
    count = 1 + max(streams, default=0)
    clocks: list[tuple[int, ...]] = []
    waits: list[tuple[int, ...]] = []
    latest: dict[int, int] = {}
    for index, (wanted, stream) in enumerate(zip(needs, streams, strict=True)):
        known = [-1] * count
        if stream in latest:
            _learn(known, clocks, streams, latest[stream])
        added = []
        # The latest first: its own dependencies are then implied.
        for other in sorted(wanted, reverse=True):
            if known[streams[other]] < other:
                added.append(other)
                _learn(known, clocks, streams, other)
        clocks.append(tuple(known))
        waits.append(tuple(sorted(added)))
        latest[stream] = index
    return StreamOrder(tuple(streams), tuple(waits), tuple(clocks))


def _learn(known: list[int], clocks: Sequence[tuple[int, ...]], streams: Sequence[int], launch: int) -> None:
    """Advance the clock KNOWN past LAUNCH and everything that happens before it."""
    known[:] = map(max, known, clocks[launch])
    known[streams[launch]] = max(known[streams[launch]], launch)
