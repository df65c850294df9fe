"""Inputs that runs write into, on every device: y = 2 * x + w in the memory of x."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import InputError, PlanError
from glassrt.runtime import Engine, Plan

from .fake_driver import FakeDriver
from .tiny_engines import GpuTensor, batch, engine_on
from .tiny_plans import affine, affine_plan, buffer, real_headers


def updating(**changed: Any) -> Plan:
    """The plan, which writes what it gives where x is."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["in_place"] = {"y": "x"}
        manifest["buffers"] = [each for each in manifest["buffers"] if each["name"] != "out0"]
        manifest["launches"][1]["arguments"][2] = buffer("in0")
        manifest |= changed

    return affine_plan(change, headers=real_headers())


def test_arrays_in_host_memory_are_updated_and_are_the_results(fake: FakeDriver) -> None:
    plan = Plan.from_bytes(updating().to_bytes())
    with Engine(plan, "host") as host:
        for engine in (host, engine_on(fake, plan)):
            x = batch(6)
            want = affine(x)
            for given in (None, {"y": x}):
                results = engine.run({"x": x}, given)
                assert results["y"] is x
                np.testing.assert_array_equal(x, want)
                want = affine(want)


def test_tensors_on_a_device_are_updated(fake: FakeDriver) -> None:
    engine, x = engine_on(fake, updating()), GpuTensor(batch(6))
    for want in (affine(batch(6)), affine(affine(batch(6)))):
        assert engine.run({"x": x})["y"] is x
        np.testing.assert_array_equal(x.array, want)


def test_a_binding_updates_at_every_launch(fake: FakeDriver) -> None:
    with Engine(updating(), "host") as host:
        x, y = batch(5), GpuTensor(batch(5))
        for engine, given, array in ((host, x, x), (engine_on(fake, updating()), y, y.array)):
            binding, want = engine.context().bind({"x": given}), batch(5)
            assert binding.outputs["y"] is given
            for _ in range(3):
                binding.launch()
                binding.wait()
                want = affine(want)
                np.testing.assert_array_equal(array, want)


def test_what_cannot_be_written_is_an_error(fake: FakeDriver) -> None:
    x = batch(4)
    frozen = x.copy()
    frozen.flags.writeable = False
    with Engine(updating(), "host") as host:
        for engine in (host, engine_on(fake, updating())):
            with pytest.raises(InputError, match="what is given is read-only"):
                engine.run({"x": frozen})
            with pytest.raises(InputError, match="share memory"):
                engine.run({"x": np.lib.stride_tricks.as_strided(x.copy(), (4, 4), (0, 4))})
            with pytest.raises(InputError, match="is in the memory of the input"):
                engine.run({"x": x}, {"y": np.zeros_like(x)})


def two_inputs() -> Plan:
    """The plan with the summand as a second input."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["in_place"] = {"y": "x"}
        manifest["inputs"].append({"name": "z", "dtype": "f32", "shape": ["N", 4]})
        manifest["buffers"] = [each for each in manifest["buffers"] if each["name"] != "out0"]
        manifest["launches"][1]["arguments"][2] = buffer("in0")

    return affine_plan(change, headers=real_headers())


def test_other_inputs_are_in_memory_of_their_own() -> None:
    x = batch(8)
    with Engine(two_inputs(), "host") as host:
        with pytest.raises(InputError, match="overlap in memory"):
            host.run({"x": x[:4], "z": x[2:6]})
        host.run({"x": x[:4], "z": x[4:]})


@pytest.mark.parametrize(
    ("in_place", "message"),
    [
        ({"z": "x"}, "is no output that is like an input"),
        ({"y": "z"}, "is no output"),
        ({"y": 3}, "is no output"),
    ],
)
def test_a_plan_names_an_output_and_an_input_that_are_alike(in_place: Any, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        updating(in_place=in_place)


def test_an_input_is_written_only_if_it_is_an_output() -> None:
    with pytest.raises(PlanError, match="is read-only"):
        Engine(updating(in_place={}), "host")
