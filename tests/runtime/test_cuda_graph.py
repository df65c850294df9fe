"""Branches and loops as conditional nodes of CUDA graphs, on a driver that replays them."""

from __future__ import annotations

import pytest

from .fake_driver import FakeDriver
from .tiny_control import CASES, INPUTS, built, check_case, control_plan, on_fake


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", ["graph", "debug", "no conditional nodes", "no setter"])
def test_the_gpu_runs_the_tree(fake: FakeDriver, name: str, way: str) -> None:
    fake.conditional_nodes = way != "no conditional nodes"
    with on_fake(fake, control_plan(CASES[name], setter=way != "no setter"), way == "debug") as engine:
        for x, n, p in INPUTS * 2:
            check_case(engine, name, x, n, p)
    assert set(fake.live.values()) <= {"context"}


def test_a_loop_on_the_device_is_a_node_with_the_setter_before_it_and_in_it(fake: FakeDriver) -> None:
    outer, body = built(fake, "while")
    assert outer == ["k5_copy", "k5_copy", "k5_less", "set_condition", "WHILE", "k5_copy"]
    assert body == ["k5_twice", "k5_less", "set_condition"]
    assert fake.log.count("cuStreamSynchronize") == 1
    every = fake.graphs[0].nodes  # behind the copies of three inputs, before those of the outputs
    (at,) = (index for index, node in enumerate(every) if node.bodies)
    assert at == 3 + outer.index("WHILE") and every[at].after == {at - 1} and every[at + 1].after == {at}
    assert not every[at + 1].overlap and not fake.graphs[1].nodes[0].overlap
    assert fake.graphs[1].nodes[1].overlap


def test_a_branch_without_else_has_one_body(fake: FakeDriver) -> None:
    outer, then = built(fake, "branch")
    assert outer == ["k5_copy", "k5_copy", "set_condition", "IF", "k5_copy"] and then == ["k5_twice"]


def test_a_branch_may_have_two_bodies(fake: FakeDriver) -> None:
    _, then, otherwise = built(fake, "either")
    assert (then, otherwise) == (["k5_twice"], ["k5_twice", "k5_twice"])
