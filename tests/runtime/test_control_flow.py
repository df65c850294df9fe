"""Branches and loops of plans: on the host, and what the CUDA driver is told to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt.errors import PlanError
from glassrt.runtime import Engine, Plan
from glassrt.runtime.cuda import open_backend
from glassrt.runtime.cuda_driver import Driver

from .fake_driver import FakeDriver, Graph
from .tiny_control import CASES, COPY_IN, COPY_OUT, INPUTS, TWICE, check_case, control_plan, loop

X = INPUTS[0][0]


def on_fake(fake: FakeDriver, plan: Plan, debug: bool = False) -> Engine:
    return Engine(plan, open_backend(0, debug, Driver(fake)))


@pytest.mark.parametrize("name", CASES)
def test_the_host_runs_the_tree(name: str) -> None:
    with Engine(control_plan(CASES[name]), "host") as engine:
        for x, n, p in INPUTS:
            check_case(engine, name, x, n, p)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", ["graph", "debug", "no conditional nodes", "no setter"])
def test_the_gpu_runs_the_tree(fake: FakeDriver, name: str, way: str) -> None:
    fake.conditional_nodes = way != "no conditional nodes"
    with on_fake(fake, control_plan(CASES[name], setter=way != "no setter"), way == "debug") as engine:
        for x, n, p in INPUTS * 2:
            check_case(engine, name, x, n, p)
    assert set(fake.live.values()) <= {"context"}


def nodes(graph: Graph) -> list[str]:
    return [node.name.removeprefix("CU_GRAPH_COND_TYPE_") for node in graph.nodes]


def built(fake: FakeDriver, name: str) -> list[list[str]]:
    """The nodes of the graphs that a run of a case builds, the outer one first."""
    with on_fake(fake, control_plan(CASES[name])) as engine:
        check_case(engine, name, X, 3, True)
    return [nodes(graph) for graph in fake.graphs]


def test_a_known_trip_count_needs_no_conditional_node(fake: FakeDriver) -> None:
    assert built(fake, "bound") == [["k5_copy", "k5_copy", *["k5_row", "k5_twice"] * 4, "k5_copy"]]
    overlaps = [node.overlap for node in fake.graphs[0].nodes]
    assert overlaps == [False, *[True] * 10]
    assert fake.log.count("cuStreamSynchronize") == 1


def test_a_loop_on_the_device_is_a_node_with_the_setter_before_it_and_in_it(fake: FakeDriver) -> None:
    outer, body = built(fake, "while")
    assert outer == ["k5_copy", "k5_copy", "k5_less", "set_condition", "WHILE", "k5_copy"]
    assert body == ["k5_twice", "k5_less", "set_condition"]
    assert fake.log.count("cuStreamSynchronize") == 1
    (while_node,) = (node for node in fake.graphs[0].nodes if node.bodies)
    assert while_node.after == {3} and fake.graphs[0].nodes[5].after == {4}
    assert not fake.graphs[0].nodes[5].overlap and not fake.graphs[1].nodes[0].overlap
    assert fake.graphs[1].nodes[1].overlap


def test_a_branch_without_else_has_one_body(fake: FakeDriver) -> None:
    outer, then = built(fake, "branch")
    assert outer == ["k5_copy", "k5_copy", "set_condition", "IF", "k5_copy"] and then == ["k5_twice"]


def test_a_branch_may_have_two_bodies(fake: FakeDriver) -> None:
    _, then, otherwise = built(fake, "either")
    assert (then, otherwise) == (["k5_twice"], ["k5_twice", "k5_twice"])


def test_nodes_nest_and_loops_are_unrolled_in_them(fake: FakeDriver) -> None:
    _, body = built(fake, "loop in a while")
    assert body == ["k5_twice", "k5_twice", "k5_less", "set_condition"]


def test_without_conditional_nodes_conditions_are_read_back(fake: FakeDriver) -> None:
    fake.conditional_nodes = False
    with on_fake(fake, control_plan(CASES["while"])) as engine:
        check_case(engine, "while", X, 0, True)
        asked = fake.log.count("cuGraphConditionalHandleCreate")
        check_case(engine, "while", X, 0, True)
    assert fake.log.count("cuGraphConditionalHandleCreate") == asked == 1


@pytest.mark.parametrize(("bound", "kind"), [(4096, "k5_twice"), (4097, "WHILE")])
def test_a_long_loop_is_not_unrolled(fake: FakeDriver, bound: int, kind: str) -> None:
    steps = [0, loop([1], bound=bound), 2]
    case = replace(CASES["bound"], launches=[COPY_IN, TWICE, COPY_OUT], steps=steps)
    with on_fake(fake, control_plan(case)) as engine:
        found = engine.run({"x": 0 * X, "n": np.array(0), "p": np.array(True)})["y"]
    np.testing.assert_array_equal(found, 0 * X)
    assert nodes(fake.graphs[0])[-2] == kind


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
