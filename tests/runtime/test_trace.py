"""Tracing a run: what is seen, and that looking changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError
from glassrt.runtime import Engine, Plan, load
from glassrt.runtime.cuda import open_backend
from glassrt.runtime.cuda_driver import Driver
from glassrt.runtime.device import ReadBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from .fake_driver import FakeDriver
from .tiny_plans import WEIGHTS, affine, affine_plan, counting_plan, real_headers


@dataclass
class Recorder:
    """Keeps the f32 contents of the buffers named, around every launch; raises where it is told to."""

    names: tuple[str, ...]
    fail_at: int | None = None
    seen: list[tuple[str, int, dict[str, np.ndarray[Any, Any]]]] = field(default_factory=list)

    def before(self, index: int, read: ReadBuffer) -> None:
        self._keep("before", index, read)

    def after(self, index: int, read: ReadBuffer) -> None:
        self._keep("after", index, read)

    def _keep(self, when: str, index: int, read: ReadBuffer) -> None:
        if index == self.fail_at:
            raise RuntimeError("enough seen")
        self.seen.append((when, index, {name: read(name).view(np.float32) for name in self.names}))


def batch(size: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(size).standard_normal((size, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def host_plan() -> Plan:
    return affine_plan(headers=real_headers())


def check_trace(engine: Engine, size: int) -> None:
    x = batch(size)
    recorder = Recorder(("in0", "b0", "w0", "out0"))
    traced = engine.trace({"x": x}, recorder)["y"]
    assert traced.tobytes() == np.asarray(engine.run({"x": x})["y"]).tobytes()
    assert [(when, index) for when, index, _ in recorder.seen] == [
        ("before", 0),
        ("after", 0),
        ("before", 1),
        ("after", 1),
    ]
    for _, _, buffers in recorder.seen:
        np.testing.assert_array_equal(buffers["in0"], x.reshape(-1))
        np.testing.assert_array_equal(buffers["w0"], WEIGHTS)
    for _, _, buffers in recorder.seen[1:]:
        np.testing.assert_array_equal(buffers["b0"], (2 * x).reshape(-1))
    np.testing.assert_array_equal(recorder.seen[-1][2]["out0"], affine(x).reshape(-1))


@settings(max_examples=10)
@given(st.integers(1, 32))
def test_the_host_shows_every_buffer_and_computes_the_same(host_plan: Plan, size: int) -> None:
    with load(host_plan, "host") as engine:
        check_trace(engine, size)


@settings(max_examples=10)
@given(st.integers(1, 32))
def test_the_gpu_shows_every_buffer_and_computes_the_same(plan: Plan, size: int) -> None:
    with Engine(plan, open_backend(0, False, Driver(FakeDriver()))) as engine:
        check_trace(engine, size)


def test_nothing_of_a_launch_has_happened_before_it(host_plan: Plan) -> None:
    recorder = Recorder(("b0", "out0"))
    with load(host_plan, "host") as engine:
        engine.trace({"x": batch(3)}, recorder)
    assert np.isnan(recorder.seen[0][2]["b0"]).all()
    assert np.isnan(recorder.seen[2][2]["out0"]).all()


def test_kernels_are_launched_one_by_one_without_overlap(fake: FakeDriver, plan: Plan) -> None:
    with Engine(plan, open_backend(0, False, Driver(fake))) as engine:
        engine.trace({"x": batch(2)}, Recorder(()))
    assert fake.launched == [("k0_double", False), ("k1_add", False)]
    assert "cuGraphLaunch" not in fake.log


@pytest.mark.parametrize("fail_at", [0, 1])
def test_an_observer_that_fails_leaves_the_engine_as_it_was(
    fake: FakeDriver, plan: Plan, fail_at: int
) -> None:
    x = batch(5)
    with Engine(plan, open_backend(0, False, Driver(fake))) as engine:
        with pytest.raises(RuntimeError, match="enough seen"):
            engine.trace({"x": x}, Recorder(("b0",), fail_at))
        np.testing.assert_array_equal(engine.run({"x": x})["y"], affine(x))
    assert set(fake.live.values()) == {"context"}


def test_a_fault_names_its_kernel(fake: FakeDriver, plan: Plan) -> None:
    fake.faulty_kernel = "k1_add"
    engine = Engine(plan, open_backend(0, False, Driver(fake)))
    with engine, pytest.raises(DeviceError, match="k1_add"):
        engine.trace({"x": batch(1)}, Recorder(()))


def test_counters_go_on_from_a_traced_run() -> None:
    with load(counting_plan(1), "host") as engine:
        assert [int(engine.trace({}, Recorder(()))["y"]) for _ in range(2)] == [0, 1]
        assert int(engine.run({})["y"]) == 2
