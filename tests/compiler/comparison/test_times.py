"""Times of two engines are taken in turns."""

from __future__ import annotations

from typing import Any

from glassrt.compiler.comparison.times import TURNS, measure_times
from glassrt.runtime.device import LaunchRecord


class Clock:
    def __init__(self, name: str, log: list[str], ms: float) -> None:
        self.name, self.log, self.ms = name, log, ms

    def time(self, inputs: object, repeats: int, warmup: int) -> list[float]:
        self.log.append(self.name)
        return [self.ms] * repeats

    def profile(self, inputs: object) -> list[LaunchRecord]:
        return [LaunchRecord("k", "add", self.ms * 1e3, (1, 1, 1), (32, 1, 1))] * 2


def test_turns_alternate() -> None:
    log: list[str] = []
    a: Any = Clock("a", log, 0.5)
    b: Any = Clock("b", log, 2.0)
    found = measure_times(a, b, {})
    assert log == ["a", "b"] * TURNS and found.runs == (0.5, 2.0)
    assert found.spent(0, (0, 1)) == 1000 and found.spent(1, (1,)) == 2000
