"""Waits are enough and none is idle; buffers in use at the same time are apart."""

from __future__ import annotations

from glassrt.compiler.analysis.memory_plan import ALIGNMENT, Lifetime, place
from glassrt.compiler.analysis.streams_memory import Use, place_in_order
from glassrt.compiler.analysis.streams_order import Ordered, ordered
from hypothesis import given
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


def ended(order: Ordered) -> list[set[int]]:
    """What has ended before each launch, by walking streams and waits."""
    result: list[set[int]] = []
    latest: dict[int, int] = {}
    for index, (stream, waits) in enumerate(zip(order.streams, order.waits, strict=True)):
        direct = {*waits, *([latest[stream]] if stream in latest else [])}
        result.append(direct.union(*(result[other] for other in direct)))
        latest[stream] = index
    return result


@given(cases())
def test_waits_give_every_launch_what_it_needs(case: Case) -> None:
    needs, streams = case
    order = ordered(needs, streams)
    for index, known in enumerate(ended(order)):
        assert needs[index] <= known
        assert order.before[index] == sum(1 << other for other in known)
        assert all(streams[wait] != streams[index] and wait in needs[index] for wait in order.waits[index])


@given(cases())
def test_no_wait_could_be_left_out(case: Case) -> None:
    needs, streams = case
    order = ordered(needs, streams)
    for index, waits in enumerate(order.waits):
        for wait in waits:
            fewer = [tuple(w for w in ws if (i, w) != (index, wait)) for i, ws in enumerate(order.waits)]
            known = ended(Ordered(order.streams, tuple(fewer), ()))
            assert any(not needs[i] <= known[i] for i in range(len(needs)))


@given(
    cases(), st.lists(st.tuples(st.integers(0, 5000), st.lists(st.integers(0, 13), min_size=1)), max_size=20)
)
def test_buffers_in_use_at_the_same_time_do_not_overlap(
    case: Case, made: list[tuple[int, list[int]]]
) -> None:
    order = ordered(*case)
    known = ended(order)
    buffers = [(size, {n % len(known) for n in launches}) for size, launches in made]
    uses = []
    for size, launches in buffers:
        before = set.intersection(*(known[launch] for launch in launches))
        uses.append(Use(size, sum(1 << n for n in launches), sum(1 << n for n in before)))
    offsets = place_in_order(uses)
    for i, (size, launches) in enumerate(buffers):
        assert offsets[i] % ALIGNMENT == 0
        for j in range(i):
            other, others = buffers[j]
            follows = all(b in known[a] for a in launches for b in others)
            precedes = all(a in known[b] for a in launches for b in others)
            if size and other and not follows and not precedes:
                assert offsets[i] + size <= offsets[j] or offsets[j] + other <= offsets[i]


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=20)
)
def test_one_stream_needs_as_much_as_a_sequence(made: list[tuple[int, int, int]]) -> None:
    order = ordered([set() for _ in range(13)], [0] * 13)
    lives = [Lifetime(size, first, first + length) for size, first, length in made]
    uses = [Use(life.size, 1 << life.first | 1 << life.last, order.before[life.first]) for life in lives]
    assert place_in_order(uses) == list(place(lives).offsets)
