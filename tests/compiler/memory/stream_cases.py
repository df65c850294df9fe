"""Launches on streams with dependencies between them, and what has ended before each by walking them."""

from __future__ import annotations

from glassrt.compiler.memory.stream_order import StreamOrder
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

Case = tuple[list[set[int]], list[int]]


@st.composite
def cases(draw: DrawFn) -> Case:
    """What each launch needs, and a stream for each."""
    count = draw(st.integers(1, 14))
    needs = [
        set(draw(st.lists(st.integers(0, i - 1), max_size=4))) if i else set[int]() for i in range(count)
    ]
    return needs, draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))


def ended(order: StreamOrder) -> list[set[int]]:
    """What has ended before each launch, by walking streams and waits."""
    result: list[set[int]] = []
    latest: dict[int, int] = {}
    for index, (stream, waits) in enumerate(zip(order.streams, order.waits, strict=True)):
        direct = {*waits, *([latest[stream]] if stream in latest else [])}
        result.append(direct.union(*(result[other] for other in direct)))
        latest[stream] = index
    return result
