"""Plans with outputs whose sizes depend on data: a caller gets their true shapes, on every device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import InputError, PlanError
from glassrt.runtime import Engine, Plan
from glassrt.runtime.dlpack import import_tensor

from .fake_driver import FakeDriver
from .tiny_engines import GpuTensor, batch, contents, engine_on
from .tiny_plans import ADD, DOUBLE, affine, affine_plan, buffer, launch, real_headers

NUMBER = """#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(1, 1) k2_number(Output<i64> y, const int number) {
    y[0] = number;
}
"""
SOURCES = {"k0_double": DOUBLE, "k1_add": ADD, "k2_number": NUMBER}


def cut_at(axis: int, count: Any) -> Plan:
    """The plan for y = 2 * x + w, of whose AXIS COUNT elements are a result."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["outputs"].append({"name": "count", "dtype": "i64", "shape": []})
        manifest["cuts"] = [{"output": "y", "axis": axis, "count": "count"}]
        manifest["buffers"].append({"name": "out1", "space": "output", "index": 1, "bytes": 8})
        parameters = [{"write": "i64"}, {"scalar": "i32"}]
        manifest["kernels"]["k2_number"] = {
            "entry": "k2_number",
            "module": "k2_number",
            "parameters": parameters,
        }
        arguments = [buffer("out1"), {"scalar": count}]
        more = {"grid": [1, 1, 1], "block": [1, 1, 1]}
        manifest["launches"].append(launch("k2_number", arguments, **more))

    return affine_plan(change, sources=SOURCES, headers=real_headers())


HALF = ["floordiv", "N", 2]


@pytest.mark.parametrize(("axis", "count"), [(0, HALF), (1, 3), (1, 0)])
def test_a_result_has_its_true_shape(axis: int, count: Any) -> None:
    plan = cut_at(axis, count)
    with Engine(plan, "host") as engine:
        assert [tensor.name for tensor in engine.outputs] == ["y"]
        for size in (1, 8):
            x = batch(size)
            want = affine(x)[: size // 2] if axis == 0 else affine(x)[:, :count]
            for found in (engine.run({"x": x}), engine_on(FakeDriver(), plan).run({"x": x})):
                assert list(found) == ["y"]
                np.testing.assert_array_equal(found["y"], want)


def test_a_result_on_the_device_is_a_part_of_its_memory(fake: FakeDriver) -> None:
    x = batch(8)
    rows = engine_on(fake, cut_at(0, HALF)).run({"x": GpuTensor(x)})["y"]
    assert rows.shape == (4, 4)
    np.testing.assert_array_equal(contents(rows), affine(x)[:4])
    columns = engine_on(fake, cut_at(1, 3)).run({"x": GpuTensor(x)})["y"]
    np.testing.assert_array_equal(columns.numpy(), affine(x)[:, :3])
    view = import_tensor(columns, 99)
    assert (view.shape, view.contiguous) == ((8, 3), False)


def test_no_tensor_can_be_given_for_it() -> None:
    with Engine(cut_at(0, HALF), "host") as engine:
        for name, message in (("y", "its|depends on data"), ("count", "no output 'count'.* are 'y'")):
            with pytest.raises(InputError, match=message):
                engine.run({"x": batch(2)}, {name: np.zeros((2, 4), np.float32)})


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ({"output": "z", "axis": 0, "count": "count"}, "is of no axis"),
        ({"output": "y", "axis": 2, "count": "count"}, "is of no axis"),
        ({"output": "y", "axis": 0, "count": "y"}, "no output that is a count"),
        ({"output": "y", "axis": -1, "count": "count"}, "'axis'"),
    ],
)
def test_cuts_that_fit_no_output_are_a_plan_error(cut: dict[str, Any], message: str) -> None:
    plan = cut_at(0, HALF)
    with pytest.raises(PlanError, match=message):
        affine_plan(lambda manifest: manifest.update({**plan.manifest, "cuts": [cut]}), sources=SOURCES)
