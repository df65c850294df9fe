"""Where random graphs take their choices from: from hypothesis, which shrinks them, or from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Option = TypeVar("Option")


class ChoiceSource(Protocol):
    """A source of choices; hypothesis shrinks towards LOW."""

    def integer(self, low: int, high: int) -> int:
        """A number from LOW to HIGH, both included."""


class Drawn:
    """Choices that hypothesis draws."""

    def __init__(self, draw: Callable[[SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))


class Seeded:
    """The choices of a seed, the same on every machine."""

    def __init__(self, seed: int | str) -> None:
        self._random = Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self._random.randint(low, high)


def one_of(choices: ChoiceSource, options: Sequence[Option]) -> Option:
    """One of OPTIONS, of which there is at least one."""
    return options[choices.integer(0, len(options) - 1)]
