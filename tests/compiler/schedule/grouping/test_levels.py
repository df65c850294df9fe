"""Steps of launches: as early as possible, and as late as those that depend on them allow."""

from __future__ import annotations

from glassrt.compiler.schedule.grouping.levels import Levels
from hypothesis import given
from hypothesis import strategies as st


@st.composite
def dependences(draw: st.DrawFn) -> list[set[int]]:
    count = draw(st.integers(1, 8))
    return [
        draw(st.sets(st.integers(0, index - 1), max_size=2)) if index else set() for index in range(count)
    ]


@given(dependences(), st.data())
def test_no_choice_breaks_a_dependence(needs: list[set[int]], data: st.DataObject) -> None:
    levels = Levels(needs)
    steps: dict[int, int] = {}
    for index in levels.latest_first():
        choices = levels.choices(index, 3)
        assert 1 <= len(choices) <= 3
        steps[index] = data.draw(st.sampled_from(choices))
        levels.settle(index, steps[index])
    assert len(steps) == len(needs)
    assert all(steps[other] < steps[index] for index, wanted in enumerate(needs) for other in wanted)


def test_a_launch_may_wait_until_it_is_needed() -> None:
    levels = Levels([set(), set(), {0}, {2}, {1, 3}])
    assert levels.latest_first() == [4, 3, 2, 0, 1]
    levels.settle(4, 3)
    assert list(levels.choices(1, 9)) == [0, 1, 2] and list(levels.choices(1, 2)) == [0, 1]
    assert list(levels.choices(3, 9)) == [2] and Levels([]).latest_first() == []


def test_slack_lies_between_what_is_needed_and_what_needs() -> None:
    levels = Levels([set(), {0}, {1}, set(), {2, 3}])
    assert levels.latest_first() == [4, 2, 1, 0, 3]
    assert levels.choices(4, 9) == range(3, 4)
    assert levels.choices(3, 9) == range(3)
    assert levels.choices(3, 2) == range(2)
    levels.settle(3, 2)
    assert levels.choices(0, 9) == range(1)
