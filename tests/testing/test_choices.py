"""Choices: those of a seed repeat, those of hypothesis shrink."""

from __future__ import annotations

from glassrt.testing.choices import Drawn, Seeded, one_of
from hypothesis import find
from hypothesis import strategies as st


def test_a_seed_gives_the_same_choices() -> None:
    first, second, other = Seeded("a"), Seeded("a"), Seeded("b")
    drawn = [[source.integer(0, 99) for _ in range(20)] for source in (first, second, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(0 <= number <= 99 for number in drawn[0])


def test_drawn_choices_shrink_towards_the_first() -> None:
    @st.composite
    def options(draw: st.DrawFn) -> str:
        return one_of(Drawn(lambda each: draw(each)), "abcdef")

    assert find(options(), lambda option: option >= "c") == "c"
