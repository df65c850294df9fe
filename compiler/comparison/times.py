"""The measured times of two plans on one GPU, in turns, so that a change of clocks meets both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...dialects.core.interpreter import Array
from ...runtime.engine import Engine

TURNS = 5
REPEATS = 20


@dataclass(frozen=True)
class PlanTimes:
    """Median milliseconds of a run of A and of B, and the microseconds of each launch, timed alone."""

    runs: tuple[float, float]
    launches: tuple[tuple[float, ...], tuple[float, ...]]

    def spent(self, side: int, launches: Sequence[int]) -> float:
        """The microseconds of LAUNCHES of A (side 0) or B (1)."""
        return sum(self.launches[side][at] for at in launches)


def measure_times(a: Engine, b: Engine, inputs: Mapping[str, Array]) -> PlanTimes:
    """Time both engines on INPUTS. Raises what `Engine.time` raises."""
    runs: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS):
        for engine, times in zip((a, b), runs, strict=True):
            times += engine.time(inputs, REPEATS, 0 if turn else REPEATS)
    alone = [tuple(each.microseconds for each in engine.profile(inputs)) for engine in (a, b)]
    return PlanTimes((float(np.median(runs[0])), float(np.median(runs[1]))), (alone[0], alone[1]))
