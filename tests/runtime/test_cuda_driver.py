"""Calls into the driver: every failure is a typed error."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError, OutOfMemoryError
from glassrt.runtime import Engine, Plan
from glassrt.runtime.cuda import device_count, open_backend
from glassrt.runtime.cuda_driver import Driver

from .fake_driver import FakeDriver
from .tiny_engines import X, engine_on
from .tiny_plans import affine, affine_plan


def test_out_of_memory_says_how_much(fake: FakeDriver) -> None:
    def big(manifest: dict[str, Any]) -> None:
        manifest["arena_bytes"] = 1 << 40

    engine = engine_on(fake, affine_plan(big))
    before = dict(fake.live)
    with pytest.raises(OutOfMemoryError, match=f"{1 << 40} bytes wanted, {1 << 30} of {1 << 31} free"):
        engine.run({"x": X})
    gc.collect()
    assert fake.live == before
    fake.free_bytes = 1 << 50
    fake._memory = lambda kind, size: FakeDriver._memory(fake, kind, min(size, 4096))  # type: ignore[method-assign]
    np.testing.assert_array_equal(engine.run({"x": X})["y"], affine(X))


def test_a_sticky_error_poisons_the_device(fake: FakeDriver, plan: Plan) -> None:
    driver = Driver(fake)
    engine = Engine(plan, open_backend(0, False, driver))
    engine.run({"x": X})
    fake.faulty_kernel = "k1_add"
    with pytest.raises(DeviceError, match="CUDA_ERROR_ILLEGAL_ADDRESS") as caught:
        engine.run({"x": X})
    assert "restart the process" in str(caught.value) and caught.value.lost
    start = len(fake.log)
    with pytest.raises(DeviceError, match="earlier failure: CUDA_ERROR_ILLEGAL_ADDRESS"):
        engine.run({"x": X})
    assert fake.log[start:] == []
    with pytest.raises(DeviceError, match="earlier failure") as again:
        Engine(plan, open_backend(0, False, driver))
    assert again.value.lost and not DeviceError("it has no such kernel").lost


class NoDriver:
    """The bindings on a machine without the driver library."""

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> object:
            raise RuntimeError('Failure finding "libcuda.so": No such file: libcuda.so.1')

        return call


def test_no_driver_says_what_is_missing(plan: Plan) -> None:
    with pytest.raises(DeviceError, match=r"the NVIDIA driver cannot be used.*libcuda\.so") as caught:
        engine_on(NoDriver(), plan)
    assert "device='host'" in str(caught.value)
    with pytest.raises(DeviceError):
        device_count(Driver(NoDriver()))
