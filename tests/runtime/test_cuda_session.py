"""Runs on CUDA: graphs, streams, counters, threads."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError
from glassrt.runtime import Plan
from glassrt.runtime.cuda_session import MAX_GRAPHS
from glassrt.runtime.program import resolve

from .fake_driver import FakeDriver, Graph
from .tiny_engines import GpuTensor, batch, engine_on, from_zero
from .tiny_plans import BYTES, ELEMENTS, affine, affine_plan, buffer, counting_plan, launch


def test_one_graph_launch_per_run_and_no_allocations(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    for size in (3, 5, 3, 5):
        engine.run({"x": batch(size)})
    start = len(fake.log)
    for size in (3, 5, 3, 5):
        engine.run({"x": batch(size)})
    steady = fake.log[start:]
    assert steady.count("cuGraphLaunch") == 4
    assert set(steady) == {
        "cuCtxGetCurrent",
        "cuCtxPushCurrent",
        "cuGraphLaunch",
        "cuStreamSynchronize",
        "cuCtxPopCurrent",
    }


def test_graphs_are_bounded(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    for size in range(1, 33):
        engine.run({"x": batch(size)})
    assert list(fake.live.values()).count("executable graph") == MAX_GRAPHS
    assert "graph" not in fake.live.values()


def test_addresses_that_are_met_once_cost_no_graph(fake: FakeDriver, plan: Plan) -> None:
    """The first ones do, and then those that come again; what is met once goes through own memory."""
    engine = engine_on(fake, plan)
    tensors = [GpuTensor(batch(4) + index) for index in range(8)]
    results = [engine.run({"x": x})["y"] for x in tensors]  # each in memory of its own
    assert fake.log.count("cuGraphInstantiate") == 2
    for x, result in zip(tensors, results, strict=True):
        np.testing.assert_array_equal(result.numpy(), affine(x.array))
    y = GpuTensor(np.zeros((4, 4), np.float32))
    for copies in (1, 0, 0):
        start = len(fake.log)
        engine.run({"x": tensors[0].array}, {"y": y})
        assert fake.log[start:].count("cuMemcpyDtoDAsync") == copies
        np.testing.assert_array_equal(y.array, affine(tensors[0].array))


def test_dependent_kernels_may_overlap(fake: FakeDriver, plan: Plan) -> None:
    engine_on(fake, plan).run({"x": batch(3)})
    assert fake.launched == [("k0_double", False), ("k1_add", True)]


def test_profile_and_time(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    records = engine.profile({"x": batch(32)}, repeats=3)
    assert [(record.name, record.microseconds, record.grid) for record in records] == [
        ("k0_double", 500.0, (4, 1, 1)),
        ("k1_add", 500.0, (4, 1, 1)),
    ]
    start = len(fake.log)
    assert engine.time({"x": batch(3)}, repeats=4, warmup=2) == [0.5] * 4
    assert fake.log[start:].count("cuGraphLaunch") == 6
    assert "event" not in fake.live.values()


def branches(manifest: dict[str, Any]) -> None:
    """y = 2 * x on stream 0, z = 2 * x on stream 1, then both again from the other's result."""
    manifest["outputs"].append({"name": "z", "dtype": "f32", "shape": ["N", 4]})
    manifest["buffers"] += [
        {"name": "out1", "space": "output", "index": 1, "bytes": BYTES},
    ]

    def double(source: str, to: str, **more: Any) -> dict[str, Any]:
        arguments = [buffer(source), buffer(to), {"scalar": ELEMENTS}]
        return launch("k0_double", arguments, **more)

    manifest["launches"] = [
        double("in0", "b0"),
        double("b0", "out0"),
        double("b0", "out1", stream=1, waits=[0]),
        double("out1", "b0", stream=0, waits=[2]),
        double("in0", "b0", stream=2),
    ]


def test_streams_fork_and_join(fake: FakeDriver) -> None:
    x = batch(4)
    results = engine_on(fake, affine_plan(branches)).run({"x": x})
    np.testing.assert_array_equal(results["y"], 4 * x)
    np.testing.assert_array_equal(results["z"], 4 * x)
    (graph,) = fake.graphs
    assert isinstance(graph, Graph)
    copy, *kernels = graph.nodes[:6]
    assert copy.name == "copy" and not copy.after
    assert [sorted(node.after) for node in kernels] == [[0], [1], [0, 1], [2, 3], [0]]
    assert [node.overlap for node in kernels] == [False, True, False, False, False]
    assert [sorted(node.after) for node in graph.nodes[6:]] == [[3, 4, 5]]  # of z: y is written in place


@pytest.mark.parametrize("debug", [False, True])
def test_an_empty_batch_launches_nothing(fake: FakeDriver, debug: bool) -> None:
    engine = engine_on(fake, affine_plan(from_zero), debug=debug)
    assert engine.run({"x": batch(0)})["y"].shape == (0, 4)
    assert engine.run({"x": GpuTensor(batch(0))})["y"].shape == (0, 4)
    assert [record.grid for record in engine.profile({"x": batch(0)})] == [(0, 1, 1)] * 2
    assert len(engine.time({"x": batch(0)}, repeats=2)) == 2
    assert not fake.launched
    np.testing.assert_array_equal(engine.run({"x": batch(2)})["y"], affine(batch(2)))


def skipping(manifest: dict[str, Any]) -> None:
    """`branches`, of which launch 2, which waits for another stream, has no blocks; then one more."""
    branches(manifest)
    from_zero(manifest)
    launches = manifest["launches"]
    launches[3]["grid"] = [0, 1, 1]
    arguments = [buffer("in0"), buffer("b0"), {"scalar": ELEMENTS}]
    launches.append(launch("k0_double", arguments))


def test_what_follows_a_skipped_launch_awaits_what_that_waited_for(fake: FakeDriver) -> None:
    """And it does not overlap with a kernel before: the dependency on the event is a full one."""
    engine_on(fake, affine_plan(skipping)).run({"x": batch(4)})
    (graph,) = fake.graphs
    kernels = graph.nodes[1:6]
    assert [sorted(node.after) for node in kernels] == [[0], [1], [0, 1], [0], [2, 3]]
    assert [node.overlap for node in kernels] == [False, True, False, False, False]


def test_threads_have_their_own_memory(fake: FakeDriver, plan: Plan) -> None:
    """Sixteen threads on one engine; what they allocated is gone when they are."""
    engine = engine_on(fake, plan)
    engine.run({"x": batch(1)})
    before = len(fake.live)
    wrong: list[int] = []

    def work(seed: int) -> None:
        for size in (1, 2, 3):
            if not np.array_equal(engine.run({"x": batch(size) + seed})["y"], affine(batch(size) + seed)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not wrong
    assert len(fake.live) == before


def test_counters_are_zeroed_once_and_after_a_failure(fake: FakeDriver) -> None:
    engine = engine_on(fake, counting_plan(step=1))
    assert [int(engine.run({})["y"]) for _ in range(3)] == [0, 1, 2]
    assert fake.log.count("cuMemsetD8Async") == 1
    fake.fail_at = len(fake.log) + 2
    with pytest.raises(DeviceError):
        engine.run({})
    assert int(engine.run({})["y"]) == 0


def test_the_device_takes_the_time_of_launches_that_overlap(fake: FakeDriver, plan: Plan) -> None:
    session = engine_on(fake, plan).context()._session
    assert session is not None
    x = batch(3)
    program = resolve(plan.spec, {"N": 3})
    start = len(fake.log)
    assert session.measure(program, [x], 4) == [0.5] * 4
    assert fake.log[start:].count("cuGraphLaunch") == 5 and fake.log[start:].count("cuGraphInstantiate") == 1
    assert fake.log[start:].count("cuEventRecordWithFlags") == 2
    assert fake.launched[-2:] == [("k0_double", False), ("k1_add", True)]
    assert "event" not in fake.live.values() and "executable graph" not in fake.live.values()
