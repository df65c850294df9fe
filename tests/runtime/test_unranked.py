"""Plans with inputs of any rank, on every device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import InputError, PlanError
from glassrt.runtime import Engine, Plan

from .fake_driver import FakeDriver
from .tiny_engines import GpuTensor, engine_on
from .tiny_plans import affine, affine_plan, real_headers


def unranked(**outputs: Any) -> Plan:
    """The plan for y = 2 * x + w with rows of 4, where x may have any shape of so many elements."""

    def change(manifest: dict[str, Any]) -> None:
        for tensor in (*manifest["inputs"], *manifest["outputs"]):
            tensor["shape"] = [["*", "N", 4]]
        manifest["unranked"] = outputs or {"y": "x"}

    return affine_plan(change, headers=real_headers())


def test_results_have_the_shape_of_the_input(fake: FakeDriver) -> None:
    plan = Plan.from_bytes(unranked().to_bytes())
    x = np.arange(24, dtype=np.float32)
    with Engine(plan, "host") as host:
        for shape in ((24,), (6, 4), (2, 3, 4), (3, 8)):
            given = x.reshape(shape)
            want = affine(x.reshape(6, 4)).reshape(shape)
            for engine in (host, engine_on(fake, plan)):
                np.testing.assert_array_equal(engine.run({"x": given})["y"], want)
            np.testing.assert_array_equal(host.run({"x": np.asfortranarray(given)})["y"], want)
        on_gpu = engine_on(fake, plan).run({"x": GpuTensor(x.reshape(6, 4))})["y"]
        assert on_gpu.shape == (6, 4)
        np.testing.assert_array_equal(on_gpu.numpy(), affine(x.reshape(6, 4)))


def test_what_cannot_be_taken() -> None:
    x = np.zeros((6, 4), np.float32)
    with Engine(unranked(), "host") as engine:
        with pytest.raises(InputError, match="the shape of an input of any rank"):
            engine.run({"x": x}, {"y": np.zeros_like(x)})
        with pytest.raises(InputError, match=r"wanted: 'x': f32 of .* elements"):
            engine.run({"x": x.astype(np.int32)})
        with pytest.raises(InputError, match="not contiguous in memory"):
            engine.context().bind({"x": np.asfortranarray(x)})


@pytest.mark.parametrize("outputs", [{"z": "x"}, {"y": "z"}, {"y": 3}])
def test_one_of_no_list_is_a_plan_error(outputs: dict[str, Any]) -> None:
    with pytest.raises(PlanError, match="is no output with the size of an input"):
        unranked(**outputs)
