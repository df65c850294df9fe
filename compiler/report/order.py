"""The order of two launches in words, from streams, event waits and control flow."""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.ir import Operation, Region
from ...dialects.launch_control import LaunchIf, LaunchLoop
from .facts import Launch


def order_of(launches: Sequence[Launch], first: int, second: int) -> str:
    """How launches FIRST and SECOND are ordered, as a sentence; FIRST comes before SECOND in LAUNCHES."""
    one, other = launches[first].op.stream, launches[second].op.stream
    here, there = _around(launches[first].op), _around(launches[second].op)
    shared = [op for op in here if op in there]
    if any(isinstance(op, LaunchIf) and here[op] is not there[op] for op in shared):
        return f"launches {first} and {second} are in different branches: only one of them runs"
    if one == other:
        often = ", in every iteration" if any(isinstance(op, LaunchLoop) for op in shared) else ""
        return f"launch {first} runs before launch {second} on stream {one}{often}"
    if first in launches[second].op.waits:
        return f"ordered by event: launch {second} on stream {other} waits for launch {first} on stream {one}"
    if first in _before(launches, second):
        return (
            f"ordered by events: launch {first} on stream {one} ends before launch {second} on stream {other}"
        )
    return f"launches {first} and {second} run concurrently on streams {one} and {other}"


def _around(op: Operation) -> dict[Operation, Region | None]:
    """The control ops around OP, innermost first, with the region of each that contains it."""
    found: dict[Operation, Region | None] = {}
    while op.holder is not None and op.parent is not None:
        found[op.holder] = op.parent.parent
        op = op.holder
    return found


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
