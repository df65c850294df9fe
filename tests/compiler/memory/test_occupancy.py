"""Occupied addresses over steps: as a table of every step has them."""

from __future__ import annotations

from glassrt.compiler.memory.occupancy import Intervals, Occupancy, lowest_gap
from hypothesis import given
from hypothesis import strategies as st

SPANS = st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(SPANS, max_size=8), st.integers(0, 30), st.integers(1, 10))
def test_intervals_are_a_set(spans: list[tuple[int, int]], offset: int, size: int) -> None:
    intervals, taken = Intervals(), set()
    for start, end in spans:
        new = set(range(start, end)) - taken
        assert intervals.add(start, end) == bool(new)
        taken |= new
    want = next(at for at in range(offset, 99) if not taken & set(range(at, at + size)))
    assert intervals.lowest_gap(offset, size) == want


@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), SPANS), max_size=8),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(1, 9),
)
def test_gaps_are_free_at_all_steps(steps, blocks, first: int, last: int, size: int) -> None:
    occupancy, table = Occupancy(steps), [set() for _ in range(steps)]
    for one, other, (start, end) in blocks:
        begin, stop = sorted((min(one, steps - 1), min(other, steps - 1)))
        occupancy.take(begin, stop, start, end)
        for step in range(begin, stop + 1):
            table[step] |= set(range(start, end))
    begin, stop = sorted((min(first, steps - 1), min(last, steps - 1)))
    busy = set().union(*table[begin : stop + 1])
    want = next(at for at in range(99) if not busy & set(range(at, at + size)))
    assert lowest_gap(occupancy.taken(begin, stop), size) == want
