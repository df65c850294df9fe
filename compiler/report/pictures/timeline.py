"""When each launch begins and ends, if every one takes as long as is expected of it."""

from __future__ import annotations

from collections.abc import Sequence

from ....runtime.program import BoundLaunch


def spans_of(launches: Sequence[BoundLaunch], times: Sequence[float | None]) -> list[tuple[float, float]]:
    """The begin and the end of each of LAUNCHES in microseconds, one behind the other on its stream and
    behind those that it waits for.

    TIMES are in microseconds; a launch without one takes none. Launches of branches and loops are taken once
    each. Launches on several streams are taken to run beside each other at full speed, and nothing is added
    for a launch as such.
    """
    free: dict[int, float] = {}
    spans: list[tuple[float, float]] = []
    for launch, time in zip(launches, times, strict=True):
        begin = max([free.get(launch.stream, 0.0), *(spans[at][1] for at in launch.waits)])
        spans.append((begin, begin + (time or 0.0)))
        free[launch.stream] = spans[-1][1]
    return spans
