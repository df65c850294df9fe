"""Hand-written plans with branches and loops, and what they compute."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from glassrt.codegen.plan.setter import SETTER, SOURCE, setter_kernel
from glassrt.runtime import Engine, Plan
from glassrt.runtime.cuda import open_backend
from glassrt.runtime.cuda_driver import Driver

from .fake_driver import FakeDriver, Graph
from .tiny_plans import affine_manifest, affine_plan, buffer, launch, real_headers

Array = np.ndarray[Any, Any]

KERNELS = {
    "k5_copy": (
        [{"read": "f32"}, {"write": "f32"}],
        "Input<f32> x, Output<f32> y",
        "if (thread_x() < 4) y[thread_x()] = x[thread_x()];",
    ),
    "k5_twice": (
        [{"write": "f32"}],
        "Output<f32> v",
        "if (thread_x() < 4) v[thread_x()] = v[thread_x()] + v[thread_x()];",
    ),
    "k5_less": (
        [{"read": "f32"}, {"write": "bool"}, {"scalar": "i32"}],
        "Input<f32> v, Output<bool> c, const int limit",
        "if (thread_x() == 0) c[0] = v[0] < static_cast<f32>(limit);",
    ),
    "k5_row": (
        [{"read": "f32"}, {"read": "i64"}, {"write": "f32"}],
        "Input<f32> v, Input<i64> at, Output<f32> s",
        "if (thread_x() < 4) s[4 * at[0] + thread_x()] = v[thread_x()];",
    ),
}
ROWS = 5


def source(name: str) -> str:
    _, parameters, body = KERNELS[name]
    head = '#include "glass.cuh"\nusing namespace glass;\n\n'
    return f"{head}GLASS_KERNEL(32, 1) {name}({parameters}) {{\n    pdl_wait();\n    {body}\n}}\n"


def run(kernel: str, *arguments: Any, **more: Any) -> dict[str, Any]:
    """A launch of KERNEL on buffers by name and scalars."""
    given = [buffer(each) if isinstance(each, str) else {"scalar": each} for each in arguments]
    return launch(kernel, given, grid=[1, 1, 1], **more)


COPY_IN, COPY_OUT = run("k5_copy", "x", "v"), run("k5_copy", "v", "y")
TWICE, ROW = run("k5_twice", "v"), run("k5_row", "v", "count", "s")
LESS = run("k5_less", "v", "go", 100)


@dataclass(frozen=True)
class ControlCase:
    """A plan's launches and steps, and what it gives for x, n and p: y, and the rows that s begins with."""

    launches: list[dict[str, Any]]
    steps: list[Any]
    want: Callable[[Array, int, bool], tuple[Array, list[Array]]]


def loop(body: list[Any], **more: Any) -> dict[str, Any]:
    return {"loop": {"counter": "count", "body": body, **more}}


def branch(then: list[Any], otherwise: list[Any]) -> dict[str, Any]:
    return {"if": {"condition": "p", "then": then, "else": otherwise}}


def powers(x: Array, count: int) -> tuple[Array, list[Array]]:
    """X doubled COUNT times, and all values on the way."""
    return x * 2.0**count, [x * 2.0**i for i in range(count)]


def below(x: Array, limit: float, most: int) -> int:
    """How often X is doubled while its first element is below LIMIT."""
    count = 0
    while x[0] * 2.0**count < limit and count < most:
        count += 1
    return count


CASES = {
    "bound": ControlCase(
        [COPY_IN, ROW, TWICE, COPY_OUT], [0, loop([1, 2], bound=4), 3], lambda x, n, p: powers(x, 4)
    ),
    "no iteration": ControlCase(
        [COPY_IN, ROW, TWICE, COPY_OUT], [0, loop([1, 2], bound=0), 3], lambda x, n, p: (x, [])
    ),
    "trips": ControlCase(
        [COPY_IN, ROW, TWICE, COPY_OUT],
        [0, loop([1, 2], trips="n"), 3],
        lambda x, n, p: powers(x, min(max(n, 0), ROWS)),
    ),
    "while": ControlCase(
        [COPY_IN, LESS, TWICE, LESS, COPY_OUT],
        [0, 1, loop([2, 3], condition="go"), 4],
        lambda x, n, p: (x * 2.0 ** below(x, 100, 99), []),
    ),
    "while and at most": ControlCase(
        [COPY_IN, LESS, ROW, TWICE, LESS, COPY_OUT],
        [0, 1, loop([2, 3, 4], condition="go", bound=3), 5],
        lambda x, n, p: powers(x, below(x, 100, 3)),
    ),
    "branch": ControlCase(
        [COPY_IN, TWICE, COPY_OUT], [0, branch([1], []), 2], lambda x, n, p: (2 * x if p else x, [])
    ),
    "either": ControlCase(
        [COPY_IN, TWICE, TWICE, TWICE, COPY_OUT],
        [0, branch([1], [2, 3]), 4],
        lambda x, n, p: (x * (2 if p else 4), []),
    ),
    "branch in an unrolled loop": ControlCase(
        [COPY_IN, ROW, TWICE, COPY_OUT],
        [0, loop([1, branch([2], [])], bound=3), 3],
        lambda x, n, p: powers(x, 3) if p else (x, [x] * 3),
    ),
    "loop in a branch": ControlCase(
        [COPY_IN, ROW, TWICE, COPY_OUT],
        [0, branch([loop([1, 2], bound=2)], []), 3],
        lambda x, n, p: powers(x, 2) if p else (x, []),
    ),
    "branch in a while": ControlCase(
        [COPY_IN, LESS, TWICE, TWICE, TWICE, LESS, COPY_OUT],
        [0, 1, loop([2, branch([3, 4], []), 5], condition="go"), 6],
        lambda x, n, p: (x * (8.0 if p else 2.0) ** _steps(x, 8 if p else 2), []),
    ),
    "loop in a while": ControlCase(
        [COPY_IN, LESS, TWICE, LESS, COPY_OUT],
        [0, 1, loop([{"loop": {"counter": "count2", "bound": 2, "body": [2]}}, 3], condition="go"), 4],
        lambda x, n, p: (x * 4.0 ** _steps(x, 4), []),
    ),
}


def _steps(x: Array, factor: float) -> int:
    """How often X is multiplied by FACTOR until its first element is no longer below 100."""
    count = 0
    while x[0] * factor**count < 100:
        count += 1
    return count


def control_plan(case: ControlCase, setter: bool = True, change: Any = None, **parts: Any) -> Plan:
    """The plan of CASE for x f32[4], n i64[] and p bool[]; it gives y f32[4] and s f32[5, 4]."""
    vector = {"dtype": "f32", "shape": [4]}
    names = dict.fromkeys(["k5_copy", *(launch["kernel"] for launch in case.launches)])
    kernels = {name: {"entry": name, "module": name, "parameters": KERNELS[name][0]} for name in names}
    sources = {name: source(name) for name in names}
    manifest = affine_manifest() | {
        "symbols": {},
        "inputs": [
            {"name": "x", **vector},
            {"name": "n", "dtype": "i64", "shape": []},
            {"name": "p", "dtype": "bool", "shape": []},
        ],
        "outputs": [{"name": "y", **vector}, {"name": "s", "dtype": "f32", "shape": [ROWS, 4]}],
        "kernels": kernels,
        # The first row of s is always written: an output that no launch writes is refused.
        "launches": [run("k5_copy", "x", "s"), *copy.deepcopy(case.launches)],
        "steps": [0, *moved(case.steps, 1)],
        "buffers": [
            {"name": "x", "space": "input", "index": 0, "bytes": 16},
            {"name": "n", "space": "input", "index": 1, "bytes": 8},
            {"name": "p", "space": "input", "index": 2, "bytes": 1},
            {"name": "y", "space": "output", "index": 0, "bytes": 16},
            {"name": "s", "space": "output", "index": 1, "bytes": 16 * ROWS},
            {"name": "v", "space": "arena", "offset": 0, "bytes": 16},
            {"name": "count", "space": "arena", "offset": 256, "bytes": 8},
            {"name": "count2", "space": "arena", "offset": 264, "bytes": 8},
            {"name": "go", "space": "arena", "offset": 512, "bytes": 1},
        ],
        "weights_bytes": 0,
    }
    if setter:
        kernels[SETTER] = setter_kernel()
        sources[SETTER] = SOURCE
        manifest["setter"] = SETTER
    if change is not None:
        change(manifest)
    fields = {
        "manifest": manifest,
        "sources": sources,
        "cubins": {
            target: {name: f"cubin of {name}".encode() for name in kernels} for target in manifest["targets"]
        },
        "weights": b"",
        "headers": real_headers(),
    }
    return affine_plan(**fields | parts)


def moved(steps: Any, by: int) -> Any:
    """STEPS with the numbers of launches raised."""
    found: list[Any] = []
    for step in steps:
        if isinstance(step, int):
            found.append(step + by)
            continue
        ((kind, fields),) = step.items()
        lists = {key: moved(value, by) for key, value in fields.items() if isinstance(value, list)}
        found.append({kind: fields | lists})
    return found


def check_case(engine: Engine, name: str, x: Array, n: int, p: bool) -> None:
    """That ENGINE, which runs the plan of a case, gives for X, N and P what is wanted."""
    found = engine.run({"x": x, "n": np.array(n), "p": np.array(p)})
    y, rows = CASES[name].want(x, n, p)
    np.testing.assert_array_equal(found["y"], y)
    rows = rows or [x]
    np.testing.assert_array_equal(found["s"][: len(rows)], rows)


INPUTS = [
    (np.array([first, 5, -7, 0.5], np.float32), n, p)
    for first, n, p in [(1, 3, True), (70, 0, False), (9, -1, True), (101, 5, False)]
]


def on_fake(fake: FakeDriver, plan: Plan, debug: bool = False) -> Engine:
    return Engine(plan, open_backend(0, debug, Driver(fake)))


def nodes(graph: Graph) -> list[str]:
    """The launches and conditional nodes of a graph, without its copies."""
    names = [node.name.removeprefix("CU_GRAPH_COND_TYPE_") for node in graph.nodes]
    return [name for name in names if name != "copy"]


def built(fake: FakeDriver, name: str) -> list[list[str]]:
    """The nodes of the graphs that a run of a case builds, the outer one first."""
    with on_fake(fake, control_plan(CASES[name])) as engine:
        check_case(engine, name, INPUTS[0][0], 3, True)
    return [nodes(graph) for graph in fake.graphs]
