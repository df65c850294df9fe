"""The order of two launches, as streams and event waits determine it, in words."""

from __future__ import annotations

from collections.abc import Sequence

from .facts import Launch


def order_of(launches: Sequence[Launch], first: int, second: int) -> str:
    """How launches FIRST and SECOND are ordered, as a sentence; FIRST comes before SECOND in LAUNCHES."""
    one, other = launches[first].op.stream, launches[second].op.stream
    if one == other:
        return f"launch {first} runs before launch {second} on stream {one}"
    if first in launches[second].op.waits:
        return f"ordered by event: launch {second} on stream {other} waits for launch {first} on stream {one}"
    if first in _before(launches, second):
        return (
            f"ordered by events: launch {first} on stream {one} ends before launch {second} on stream {other}"
        )
    return f"launches {first} and {second} run concurrently on streams {one} and {other}"


def _before(launches: Sequence[Launch], last: int) -> set[int]:
    """The launches that are guaranteed to end before launch LAST starts."""
    ahead: dict[int, int] = {}
    previous: list[int | None] = []
    for launch in launches[: last + 1]:
        previous.append(ahead.get(launch.op.stream))
        ahead[launch.op.stream] = launch.index
    found: set[int] = set()
    waiting = [last]
    while waiting:
        index = waiting.pop()
        on_stream = previous[index]
        needed = [*launches[index].op.waits, *([] if on_stream is None else [on_stream])]
        for other in needed:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
