"""Conditions that the host reads back, where a driver has no conditional nodes."""

from __future__ import annotations

import pytest
from glassrt.errors import DeviceError

from .fake_driver import OUT_OF_MEMORY, FakeDriver
from .tiny_control import CASES, INPUTS, check_case, control_plan, on_fake

SYMBOL_NOT_FOUND = 302

X = INPUTS[0][0]


def test_without_conditional_nodes_conditions_are_read_back(fake: FakeDriver) -> None:
    fake.conditional_nodes = False
    with on_fake(fake, control_plan(CASES["while"])) as engine:
        check_case(engine, "while", X, 0, True)
        asked = fake.log.count("cuGraphConditionalHandleCreate")
        check_case(engine, "while", X, 0, True)
    assert fake.log.count("cuGraphConditionalHandleCreate") == asked == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_setter_that_the_driver_cannot_load_is_done_without(fake: FakeDriver, known: bool) -> None:
    plan = control_plan(CASES["while"])
    calls = len(plan.spec.kernels)
    with on_fake(fake, plan):
        loads = [index for index, name in enumerate(fake.log) if name == "cuModuleLoadData"]
    assert len(loads) == calls
    failing = FakeDriver(loads[-1], SYMBOL_NOT_FOUND if known else OUT_OF_MEMORY)
    if not known:
        with pytest.raises(DeviceError):
            on_fake(failing, plan)
        return
    with on_fake(failing, plan) as engine:
        check_case(engine, "while", X, 0, True)
    assert "cuGraphConditionalHandleCreate" not in failing.log
