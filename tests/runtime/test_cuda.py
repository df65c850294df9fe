"""The engine on the cuda device, with a fake driver in the place of NVIDIA's."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError, InputError
from glassrt.runtime import Engine, Plan
from glassrt.runtime.binding import InputBinder
from glassrt.runtime.cuda import open_backend
from glassrt.runtime.cuda_driver import Driver
from glassrt.runtime.cuda_memory import DeviceTensor
from glassrt.runtime.cuda_session import MAX_GRAPHS
from glassrt.runtime.dlpack import CUDA, export_tensor, import_tensor, memory_view
from hypothesis import given, settings
from hypothesis import strategies as st

from .fake_driver import FakeDriver, Graph
from .tiny_plans import BYTES, ELEMENTS, affine, affine_plan, buffer, counting_plan, launch


def engine_on(fake: FakeDriver, plan: Plan, debug: bool = False) -> Engine:
    return Engine(plan, open_backend(0, debug, Driver(fake)))


def batch(size: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(size).standard_normal((size, 4)).astype(np.float32)


class GpuTensor:
    """Another library's tensor in "device memory", which with the fake driver is the host's."""

    def __init__(self, array: np.ndarray[Any, Any], ordinal: int = 0) -> None:
        storage = np.zeros(array.nbytes + 256, np.uint8)
        start = -storage.ctypes.data % 256
        self.array = storage[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        self.array[...] = array
        self.ordinal = ordinal
        self.streams: list[int | None] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self.ordinal

    def __dlpack__(self, *, stream: int | None = None) -> object:
        self.streams.append(stream)
        dtype = {"float32": "f32", "int32": "i32"}[str(self.array.dtype)]
        return export_tensor(self, self.array.ctypes.data, self.__dlpack_device__(), dtype, self.array.shape)


def contents(tensor: DeviceTensor) -> np.ndarray[Any, Any]:
    """What a consumer of a result sees."""
    view = import_tensor(tensor, 99)
    assert view.device == (CUDA, 0)
    return memory_view(view.pointer, view.bytes).view(np.float32).reshape(view.shape).copy()


@settings(max_examples=20)
@given(st.lists(st.integers(1, 32), min_size=1, max_size=5))
def test_numpy_in_and_out(plan: Plan, sizes: list[int]) -> None:
    engine = engine_on(FakeDriver(), plan)
    for size in sizes:
        x = batch(size)
        np.testing.assert_array_equal(engine.run({"x": x})["y"], affine(x))


def test_everything_is_given_back(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    engine.run({"x": batch(3)})
    engine.profile({"x": batch(3)}, repeats=2)
    engine.time({"x": batch(3)}, repeats=2, warmup=1)
    assert "memory" in fake.live.values()
    engine.close()
    assert set(fake.live.values()) == {"context"}
    del engine
    assert not fake.live


def test_an_engine_that_is_dropped_gives_everything_back(fake: FakeDriver, plan: Plan) -> None:
    gc.collect()
    gc.disable()
    try:
        engine = engine_on(fake, plan)
        engine.run({"x": batch(3)})
        del engine
        assert not fake.live
    finally:
        gc.enable()


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
        "cuCtxPushCurrent",
        "cuMemcpyHtoDAsync",
        "cuGraphLaunch",
        "cuMemcpyDtoHAsync",
        "cuStreamSynchronize",
        "cuCtxPopCurrent",
    }


def test_graphs_are_bounded(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    for size in range(1, 33):
        engine.run({"x": batch(size)})
    assert list(fake.live.values()).count("executable graph") == MAX_GRAPHS
    assert "graph" not in fake.live.values()


def test_dependent_kernels_may_overlap(fake: FakeDriver, plan: Plan) -> None:
    engine_on(fake, plan).run({"x": batch(3)})
    assert fake.launched == [("k0_double", False), ("k1_add", True)]


def test_weights_are_uploaded_once(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    for size in (1, 2):
        engine.run({"x": batch(size)})
    assert fake.log.count("cuMemcpyHtoD") == 1


def test_tensors_on_the_device_are_used_where_they_lie(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    x = GpuTensor(batch(4))
    start = len(fake.log)
    y = engine.run({"x": x})["y"]
    assert not [name for name in fake.log[start:] if "Memcpy" in name]
    assert x.streams == [engine._context()._session.stream]  # type: ignore[union-attr]
    assert (y.dtype, y.shape, y.__dlpack_device__()) == ("f32", (4, 4), (CUDA, 0))
    np.testing.assert_array_equal(contents(y), affine(x.array))
    np.testing.assert_array_equal(y.numpy(), affine(x.array))


def test_results_stay_until_their_last_user_is_gone(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    first = engine.run({"x": GpuTensor(batch(4))})["y"]
    capsule = first.__dlpack__(stream=42)
    address = first._lease.address
    second = engine.run({"x": GpuTensor(batch(5))})["y"]
    assert second._lease.address != address
    del first
    third = engine.run({"x": GpuTensor(batch(6))})["y"]
    assert third._lease.address != address
    del capsule
    start = len(fake.log)
    fourth = engine.run({"x": GpuTensor(batch(7))})["y"]
    assert fourth._lease.address == address
    # The stream that was told of the result may still be reading: the new work waits for it.
    assert {"cuEventRecord", "cuStreamWaitEvent"} <= set(fake.log[start:])


def test_results_outlive_their_engine(fake: FakeDriver, plan: Plan) -> None:
    x = batch(4)
    engine = engine_on(fake, plan)
    y = engine.run({"x": GpuTensor(x)})["y"]
    engine.close()
    del engine
    np.testing.assert_array_equal(contents(y), affine(x))
    assert sorted(fake.live.values()) == ["context", "memory"]
    del y
    assert not fake.live


def test_preallocated_results(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    x, on_gpu, on_host = batch(4), GpuTensor(np.zeros((4, 4), np.float32)), np.zeros((4, 4), np.float32)
    assert engine.run({"x": x}, {"y": on_gpu})["y"] is on_gpu
    np.testing.assert_array_equal(on_gpu.array, affine(x))
    assert engine.run({"x": GpuTensor(x)}, {"y": on_host})["y"] is on_host
    np.testing.assert_array_equal(on_host, affine(x))


def test_unaligned_tensors_are_copied(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    x, y = GpuTensor(np.zeros(17, np.float32)), GpuTensor(np.zeros(17, np.float32))
    x.array, y.array = x.array[1:].reshape(4, 4), y.array[1:].reshape(4, 4)
    x.array[...] = batch(4)
    engine.run({"x": x}, {"y": y})
    np.testing.assert_array_equal(y.array, affine(x.array))
    assert fake.log.count("cuMemcpyDtoDAsync") == 2


def test_bad_tensors(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    with pytest.raises(InputError, match="is on DLPack device"):
        engine.run({"x": GpuTensor(batch(4), ordinal=1)})
    with pytest.raises(InputError, match="wrong type"):
        engine.run({"x": GpuTensor(batch(4).astype(np.int32))})


def test_overlapping_input_and_output_are_refused(fake: FakeDriver, plan: Plan) -> None:
    x = GpuTensor(batch(4))
    with pytest.raises(InputError, match="overlap"):
        engine_on(fake, plan).run({"x": x}, {"y": x})


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
    assert [sorted(node.after) for node in graph.nodes] == [[], [0], [0], [1, 2], []]
    assert [node.overlap for node in graph.nodes] == [False, True, False, False, False]


def from_zero(manifest: dict[str, Any]) -> None:
    manifest["symbols"]["N"] = [0, 1, 32]


@pytest.mark.parametrize("debug", [False, True])
def test_an_empty_batch_launches_nothing(fake: FakeDriver, debug: bool) -> None:
    engine = engine_on(fake, affine_plan(from_zero), debug=debug)
    assert engine.run({"x": batch(0)})["y"].shape == (0, 4)
    assert engine.run({"x": GpuTensor(batch(0))})["y"].shape == (0, 4)
    assert [record.grid for record in engine.profile({"x": batch(0)})] == [(0, 1, 1)] * 2
    assert len(engine.time({"x": batch(0)}, repeats=2)) == 2
    assert not fake.launched
    np.testing.assert_array_equal(engine.run({"x": batch(2)})["y"], affine(batch(2)))


class NullTensor(GpuTensor):
    """An empty tensor, which other libraries put at the null address."""

    def __init__(self) -> None:
        super().__init__(batch(0))

    def __dlpack__(self, *, stream: int | None = None) -> object:
        return export_tensor(self, 0, self.__dlpack_device__(), "f32", (0, 4))


def test_empty_tensors_of_others_have_no_address(fake: FakeDriver) -> None:
    y = NullTensor()
    assert engine_on(fake, affine_plan(from_zero)).run({"x": NullTensor()}, {"y": y})["y"] is y


def test_an_empty_tensor_overlaps_with_nothing() -> None:
    whole = import_tensor(GpuTensor(batch(4)), 1)
    inside = replace(whole, pointer=whole.pointer + 16, shape=(0, 4))
    InputBinder(affine_plan().spec, (CUDA, 0)).check_disjoint([whole], [inside])


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
    assert [sorted(node.after) for node in graph.nodes] == [[], [0], [0], [], [1, 2]]
    assert [node.overlap for node in graph.nodes] == [False, True, False, False, False]


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
