"""Loops that are captured iteration by iteration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from .fake_driver import FakeDriver
from .tiny_control import CASES, COPY_IN, COPY_OUT, INPUTS, TWICE, built, control_plan, loop, nodes, on_fake

X = INPUTS[0][0]


def test_a_known_trip_count_needs_no_conditional_node(fake: FakeDriver) -> None:
    assert built(fake, "bound") == [["k5_copy", "k5_copy", *["k5_row", "k5_twice"] * 4, "k5_copy"]]
    overlaps = [node.overlap for node in fake.graphs[0].nodes if node.name != "copy"]
    assert overlaps == [False, *[True] * 10]
    assert fake.log.count("cuStreamSynchronize") == 1


def test_nodes_nest_and_loops_are_unrolled_in_them(fake: FakeDriver) -> None:
    _, body = built(fake, "loop in a while")
    assert body == ["k5_twice", "k5_twice", "k5_less", "set_condition"]


@pytest.mark.parametrize(("bound", "kind"), [(4096, "k5_twice"), (4097, "WHILE")])
def test_a_long_loop_is_not_unrolled(fake: FakeDriver, bound: int, kind: str) -> None:
    steps = [0, loop([1], bound=bound), 2]
    case = replace(CASES["bound"], launches=[COPY_IN, TWICE, COPY_OUT], steps=steps)
    with on_fake(fake, control_plan(case)) as engine:
        found = engine.run({"x": 0 * X, "n": np.array(0), "p": np.array(True)})["y"]
    np.testing.assert_array_equal(found, 0 * X)
    assert nodes(fake.graphs[0])[-2] == kind
