"""List scheduling on streams: orders, critical paths, and the time that a simple GPU would take."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.schedule.streams.schedule import Task, critical_paths, schedule
from hypothesis import given
from hypothesis import strategies as st

FIT = REFERENCE.fitted.schedule


def test_the_longest_way_to_the_end_counts() -> None:
    tasks = [Task(time, 0.1) for time in (1.0, 5.0, 2.0, 1.0)]
    needs = [set[int](), {0}, {0}, {1, 2}]
    assert critical_paths(tasks, needs) == [7.0, 6.0, 3.0, 1.0]


def test_small_tasks_overlap_and_large_ones_do_not() -> None:
    fork = [set[int](), {0}, {0}, {1, 2}]
    small = schedule([Task(10.0, 0.2)] * 4, fork, 2, REFERENCE)
    large = schedule([Task(10.0, 1.0)] * 4, fork, 2, REFERENCE)
    assert small.microseconds == pytest.approx(30 + 2 * FIT.crossing)
    assert large.microseconds == pytest.approx(40)
    assert set(large.streams) == {0}


@given(st.data())
def test_every_schedule_is_an_order_of_what_is_needed(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    needs = [
        set(data.draw(st.lists(st.integers(0, i - 1), max_size=3))) if i else set[int]() for i in range(count)
    ]
    time, share = st.floats(0.5, 9), st.floats(0.01, 1)
    tasks = [Task(data.draw(time), data.draw(share)) for _ in range(count)]
    streams = data.draw(st.integers(1, 4))
    found = schedule(tasks, needs, streams, REFERENCE)
    place = {task: position for position, task in enumerate(found.order)}
    assert sorted(found.order) == list(range(count))
    assert all(place[other] < place[task] for task in range(count) for other in needs[task])
    assert set(found.streams) <= set(range(streams))
    least = max(critical_paths(tasks, needs))
    most = sum(task.microseconds + FIT.crossing for task in tasks)
    assert least - 1e-6 <= found.microseconds <= most + 1e-6
