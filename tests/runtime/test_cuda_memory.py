"""Memory of results: it lives as long as it is used, and is given back."""

from __future__ import annotations

import gc

import numpy as np
from glassrt.runtime import Plan

from .fake_driver import FakeDriver
from .tiny_engines import GpuTensor, batch, contents, engine_on
from .tiny_plans import affine


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


def test_a_result_that_is_fed_back_makes_no_capsule(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    first = engine.run({"x": GpuTensor(batch(4))})["y"]
    second = engine.run({"x": first})["y"]
    np.testing.assert_array_equal(second.numpy(), affine(affine(batch(4))))
    assert not first._lease.users  # as __dlpack__ would have left


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
