"""In which order launches run, as their streams and waits say."""

from __future__ import annotations

from collections.abc import Sequence

from .facts import Launch


def order_of(launches: Sequence[Launch], first: int, second: int) -> str:
    """Whether launch FIRST has ended before launch SECOND begins, in words; FIRST stands before SECOND."""
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
    """The launches that have surely ended when launch LAST begins."""
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
