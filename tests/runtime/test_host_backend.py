"""The host as a device: orders of blocks, counters, faults of kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import CompileError, DeviceError
from glassrt.runtime import Engine, Plan, load
from glassrt.runtime.host_backend import HostBackend

from .tiny_engines import batch
from .tiny_plans import ADD, DOUBLE, affine, affine_plan, counting_plan, real_headers, tile_plan


@pytest.mark.parametrize("order", ["forward", "reverse", ("seeded", 3)])
def test_block_orders(host_plan: Plan, order: Any) -> None:
    x = batch(32)
    with Engine(host_plan, HostBackend(order)) as engine:
        np.testing.assert_array_equal(engine.run({"x": x})["y"], affine(x))


def test_uninitialised_memory_shows() -> None:
    """A kernel that writes too little leaves NaN, not the results of an earlier run."""
    lazy = DOUBLE.replace("i < count", "i < count - 1")
    plan = affine_plan(headers=real_headers(), sources={"k0_double": lazy, "k1_add": ADD})
    y = load(plan, "host").run({"x": batch(2)})["y"]
    assert np.isnan(y[1, 3]) and not np.isnan(y[:1]).any()


def test_an_access_out_of_bounds_names_the_kernel() -> None:
    wild = DOUBLE.replace("if (i < count) ", "")
    plan = affine_plan(headers=real_headers(), sources={"k0_double": wild, "k1_add": ADD})
    with pytest.raises(DeviceError, match="k0_double"):
        load(plan, "host").run({"x": batch(2)})


def test_a_kernel_that_does_not_compile() -> None:
    broken = affine_plan(headers=real_headers(), sources={"k0_double": "nonsense", "k1_add": ""})
    with pytest.raises((CompileError, DeviceError)):
        load(broken, "host").run({"x": batch(1)})


def test_counters_are_zeroed_once() -> None:
    engine = load(counting_plan(step=1), "host")
    assert [int(engine.run({})["y"]) for _ in range(3)] == [0, 1, 2]


def test_a_tensor_map() -> None:
    np.testing.assert_array_equal(load(tile_plan(), "host").run({"x": batch(32)})["y"], batch(32))


def test_bytes_are_placed_at_an_aligned_address(host_plan: Plan) -> None:
    session = HostBackend().load(host_plan).session()
    data = np.arange(1, 100, dtype=np.uint8)
    placed = session.place(data)
    assert placed.ctypes.data % 256 == 0 and (placed == data).all()
    data[:] = 0
    assert placed.all()
