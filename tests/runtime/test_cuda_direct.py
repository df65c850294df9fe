"""Results that kernels write into host memory themselves, and those that they must not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.runtime import Plan, cuda_io
from glassrt.runtime.cuda_direct import direct_outputs

from .fake_driver import FakeDriver
from .tiny_control import CASES, control_plan
from .tiny_engines import GpuTensor, batch, engine_on
from .tiny_plans import affine, affine_plan

Change = Callable[[dict[str, Any]], object]


def last(**fields: Any) -> Change:
    """A change of the launch that writes the output."""
    return lambda manifest: manifest["launches"][-1].update(fields)


def read_again(manifest: dict[str, Any]) -> None:
    manifest["launches"][0]["arguments"][0] = {"buffer": "out0"}


def written_twice(manifest: dict[str, Any]) -> None:
    manifest["launches"][0]["arguments"][1] = {"buffer": "out0"}


def with_scratch(manifest: dict[str, Any]) -> None:
    manifest["kernels"]["k1_add"]["parameters"].insert(3, {"scratch": "u32"})
    manifest["launches"][-1]["arguments"].insert(3, {"buffer": "b0"})


def as_scratch(manifest: dict[str, Any]) -> None:
    manifest["kernels"]["k1_add"]["parameters"][2] = {"scratch": "f32"}


def seen_twice(manifest: dict[str, Any]) -> None:
    manifest["buffers"].append(manifest["buffers"][1] | {"name": "again"})


def test_what_one_launch_writes_and_none_reads_is_direct(plan: Plan) -> None:
    assert direct_outputs(plan.spec) == {0}


@pytest.mark.parametrize(
    "change",
    [
        read_again,
        written_twice,
        with_scratch,
        as_scratch,
        seen_twice,
        last(cooperative=True),
        last(op="my.op"),
    ],
)
def test_what_might_be_read_is_not(change: Change) -> None:
    assert direct_outputs(affine_plan(change).spec) == frozenset()


def test_loops_write_nothing_so() -> None:
    assert direct_outputs(control_plan(CASES["loop in a while"]).spec) == frozenset()


def test_a_small_result_needs_no_copy(fake: FakeDriver, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_on(fake, plan)
    first = engine.run({"x": batch(4)})["y"]
    second = engine.run({"x": batch(4) + 1})["y"]
    assert "cuMemcpyDtoHAsync" not in fake.log
    np.testing.assert_array_equal(first, affine(batch(4)))
    np.testing.assert_array_equal(second, affine(batch(4) + 1))
    monkeypatch.setattr(cuda_io, "MOST_BYTES", 4 * 4 * 4)
    np.testing.assert_array_equal(engine.run({"x": batch(5)})["y"], affine(batch(5)))
    assert fake.log.count("cuMemcpyDtoHAsync") == 1


def test_inputs_at_new_addresses_change_nothing_about_it(fake: FakeDriver, plan: Plan) -> None:
    engine, y = engine_on(fake, plan), np.zeros((4, 4), np.float32)
    tensors = [GpuTensor(batch(4) + index) for index in range(4)]
    for x in (*tensors, *tensors):
        assert engine.run({"x": x}, {"y": y})["y"] is y
        np.testing.assert_array_equal(y, affine(x.array))
    assert fake.log.count("cuMemcpyDtoDAsync") == 3  # of inputs alone, through the session's own memory
