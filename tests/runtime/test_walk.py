"""Programs executed launch by launch: on the host, and how a run is watched and timed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.runtime import Engine

from .fake_driver import FakeDriver
from .tiny_control import CASES, INPUTS, check_case, control_plan, on_fake

X = INPUTS[0][0]


@pytest.mark.parametrize("name", CASES)
def test_the_host_runs_the_tree(name: str) -> None:
    with Engine(control_plan(CASES[name]), "host") as engine:
        for x, n, p in INPUTS:
            check_case(engine, name, x, n, p)


def test_a_launch_of_a_loop_is_traced_and_timed_each_time(fake: FakeDriver) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.seen: list[int] = []

        def before(self, index: int, read: Any) -> None:
            self.seen.append(index)

        def after(self, index: int, read: Any) -> None: ...

    inputs = {"x": X, "n": np.array(2), "p": np.array(True)}
    for engine in (on_fake(fake, control_plan(CASES["trips"])), Engine(control_plan(CASES["trips"]), "host")):
        engine.trace(inputs, watcher := Watcher())
        assert watcher.seen == [0, 1, 2, 3, 2, 3, 4]
        times = [record.microseconds for record in engine.profile(inputs | {"n": np.array(0)}, 3)]
        assert times[2] == times[3] == 0 and times[1] > 0
        assert len(engine.time(inputs, 3)) == 3
        engine.close()
