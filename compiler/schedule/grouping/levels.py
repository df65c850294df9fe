"""The steps at which launches may run: launches of one step are independent of each other."""

from __future__ import annotations

from collections.abc import Sequence


class Levels:
    """The step of every launch: first the earliest possible one (ASAP), then a later one if it pays.

    A launch can be moved later only after all launches that depend on it are settled.
    """

    def __init__(self, needs: Sequence[set[int]]) -> None:
        self._steps: list[int] = []
        self._followers: list[list[int]] = [[] for _ in needs]
        for index, wanted in enumerate(needs):
            self._steps.append(1 + max((self._steps[other] for other in wanted), default=-1))
            for other in wanted:
                self._followers[other].append(index)
        self._last = max(self._steps, default=0)

    def latest_first(self) -> list[int]:
        """All launches, each after those that depend on it."""
        return sorted(range(len(self._steps)), key=lambda index: (-self._steps[index], index))

    def choices(self, index: int, most: int) -> range:
        """The steps that launch INDEX may have, before all launches that depend on it: at most MOST."""
        first = self._steps[index]
        followers = self._followers[index]
        last = min((self._steps[other] - 1 for other in followers), default=self._last)
        return range(first, min(last, first + most - 1) + 1)

    def settle(self, index: int, step: int) -> None:
        """Give launch INDEX the step STEP, one of its choices."""
        self._steps[index] = step
