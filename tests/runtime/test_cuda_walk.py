"""Conditions that the host reads back, where a driver has no conditional nodes."""

from __future__ import annotations

from .fake_driver import FakeDriver
from .tiny_control import CASES, INPUTS, check_case, control_plan, on_fake

X = INPUTS[0][0]


def test_without_conditional_nodes_conditions_are_read_back(fake: FakeDriver) -> None:
    fake.conditional_nodes = False
    with on_fake(fake, control_plan(CASES["while"])) as engine:
        check_case(engine, "while", X, 0, True)
        asked = fake.log.count("cuGraphConditionalHandleCreate")
        check_case(engine, "while", X, 0, True)
    assert fake.log.count("cuGraphConditionalHandleCreate") == asked == 1
