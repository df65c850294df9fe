"""Branches and loops in manifests: hostile ones are refused, others are read as they were written."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.errors import PlanError
from glassrt.runtime import Plan

from .tiny_control import CASES, control_plan


def put(place: str, key: str, value: Any) -> Any:
    """A change of one field of the loop or the branch of a manifest."""
    return lambda manifest: manifest["steps"][-2][place].update({key: value})


def set_steps(*steps: Any) -> Any:
    return lambda manifest: manifest.update(steps=list(steps))


DEEP: list[Any] = [0, 1, 2]
for _ in range(20):
    DEEP = [{"loop": {"counter": "count", "bound": 1, "body": DEEP}}]
WRONG = {
    "launch left out": (set_steps(0, 1, 2), "do not run launches 0 to 4"),
    "launch twice": (set_steps(0, 1, 2, 2, 3, 4), "each once and in order"),
    "launches not in order": (set_steps(0, 2, 1, 3, 4), "each once and in order"),
    "no such launch": (set_steps(0, 1, 2, 3, 4, 5), "each once and in order"),
    "not a step": (set_steps(0, 1, 2, 3, "4"), "must be an object"),
    "a bool as launch": (set_steps(False, 1, 2, 3, 4), "must be an object"),
    "unknown step": (set_steps({"switch": {}}), "exactly one of if, loop"),
    "empty step": (set_steps({}), "exactly one of if, loop"),
    "two in one": (set_steps({"if": {}, "loop": {}}), "exactly one of if, loop"),
    "nested too deep": (set_steps(*DEEP), "more than 16 deep"),
    "no steps": (lambda manifest: manifest.update(steps=7), "needs a list as 'steps'"),
    "endless": (lambda manifest: manifest["steps"][-2]["loop"].pop("bound"), "it would never end"),
    "no such counter": (put("loop", "counter", "nothing"), "which the plan does not have"),
    "no such condition": (put("loop", "condition", "nothing"), "which the plan does not have"),
    "no such trip count": (put("loop", "trips", "nothing"), "which the plan does not have"),
    "counter in an output": (put("loop", "counter", "y"), "not in the arena"),
    "counter of 16 bytes": (lambda manifest: manifest["buffers"][6].update(bytes=16), "no scalar of 8 bytes"),
    "condition of 8 bytes": (put("loop", "condition", "n"), "no scalar of 1 bytes"),
    "trip count of 1 byte": (put("loop", "trips", "p"), "no scalar of 8 bytes"),
    "unaligned counter": (
        lambda manifest: manifest["buffers"][6].update(offset=257),
        "no scalar of 8 bytes",
    ),
    "counter written": (
        lambda manifest: manifest["launches"][3]["arguments"].__setitem__(0, {"buffer": "count"}),
        "in which a loop counts",
    ),
    "wait across control flow": (
        lambda manifest: manifest["launches"][3].update(waits=[1]),
        "from which control flow separates it",
    ),
    "wait into a loop": (
        lambda manifest: manifest["launches"][4].update(waits=[3]),
        "from which control flow separates it",
    ),
    "setter that is not there": (lambda manifest: manifest.update(setter="nothing"), "is not a kernel of"),
    "setter that is another kernel": (
        lambda manifest: manifest.update(setter="k5_row"),
        "is not a kernel of",
    ),
    "bound that is no number": (put("loop", "bound", "M"), "M"),
}


@pytest.mark.parametrize("name", WRONG)
def test_hostile_steps_are_refused(name: str) -> None:
    change, message = WRONG[name]
    with pytest.raises(PlanError, match=message):
        control_plan(CASES["bound"], change=change)


def test_plans_with_control_flow_are_written_and_read() -> None:
    plan = control_plan(CASES["branch in a while"])
    assert Plan.from_bytes(plan.to_bytes()) == plan
