"""The memory plan: buffers that live together never overlap, and little is wasted."""

from __future__ import annotations

import pytest
from glassrt.compiler.memory.placement import ALIGNMENT, Lifetime, place
from hypothesis import given
from hypothesis import strategies as st

from ...growth import assert_growth

lifetimes = st.builds(
    lambda size, first, length: Lifetime(size, first, first + length),
    st.integers(0, 5000),
    st.integers(0, 30),
    st.integers(0, 10),
)


@given(st.lists(lifetimes, max_size=30))
def test_buffers_that_live_together_do_not_overlap(lives):
    placement = place(lives)
    for i, (a, x) in enumerate(zip(lives, placement.offsets, strict=True)):
        assert x % ALIGNMENT == 0 and x + a.size <= placement.total
        for b, y in list(zip(lives, placement.offsets, strict=True))[i + 1 :]:
            if a.first <= b.last and b.first <= a.last and a.size and b.size:
                assert x + a.size <= y or y + b.size <= x


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=40))
def test_a_chain_needs_two_buffers_at_a_time(sizes):
    placement = place([Lifetime(size, step, step + 1) for step, size in enumerate(sizes)])
    aligned = [-(-size // ALIGNMENT) * ALIGNMENT for size in sizes]
    most = max(a + b for a, b in zip([0, *aligned], [*aligned, 0], strict=True))
    assert placement.total <= 2 * most


def test_the_plan_is_a_function_of_its_input():
    lives = [Lifetime(300, i % 7, i % 7 + 3) for i in range(50)]
    assert place(lives) == place(list(lives))


@given(st.lists(lifetimes, max_size=30))
def test_every_buffer_lies_as_low_as_those_before_it_allow(lives):
    placement = place(lives)
    placed = []
    for index in sorted((i for i, life in enumerate(lives) if life.size), key=lambda i: -lives[i].size):
        life = lives[index]
        met = [
            (start, start + -(-other.size // ALIGNMENT) * ALIGNMENT)
            for other, start in placed
            if other.first <= life.last and life.first <= other.last
        ]
        fitting = (
            at
            for at in sorted({0, *(end for _, end in met)})
            if all(at + life.size <= start or end <= at for start, end in met)
        )
        assert placement.offsets[index] == next(fitting)
        placed.append((life, placement.offsets[index]))


def nested(count):
    return [Lifetime(256 * (1 + i % 7), i, 2 * count - i) for i in range(count)]


def to_the_end(count):
    return [Lifetime(4096, i, count) for i in range(count)]


def one_after_the_other(count):
    return [Lifetime(256 * (1 + i % 7), i, i + 1) for i in range(count)]


@pytest.mark.parametrize("lives", [nested, to_the_end, one_after_the_other])
def test_time_grows_as_the_number_of_buffers(lives):
    assert_growth(lives, place, (1_000, 8_000), most=16)
