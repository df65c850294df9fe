"""Launches over time."""

from __future__ import annotations

from dataclasses import replace

from glassrt.compiler.report.pictures.timeline import spans_of
from glassrt.runtime.program import BoundLaunch

ONE = BoundLaunch("k", "op", (), (1, 1, 1), (32, 1, 1), (1, 1, 1), False, 0, 0, (), True, ())


def test_a_stream_runs_one_after_the_other_and_waits_are_kept() -> None:
    beside = replace(ONE, stream=1)
    launches = [ONE, beside, ONE, replace(beside, waits=(2,)), replace(ONE, waits=(1,))]
    times = [2.0, 1.0, 3.0, 4.0, None]
    assert spans_of(launches, times) == [(0, 2), (0, 1), (2, 5), (5, 9), (5, 5)]
    assert spans_of([], []) == []
