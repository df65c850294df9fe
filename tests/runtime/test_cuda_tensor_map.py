"""Tensor maps in the driver's encoding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.runtime import Plan
from glassrt.runtime.dlpack import CUDA, export_tensor

from .fake_driver import FakeDriver
from .tiny_engines import batch, engine_on
from .tiny_plans import affine_plan, buffer, launch


def showing(**map: Any) -> Plan:
    """y = the descriptor of a map over x."""

    def show(manifest: dict[str, Any]) -> None:
        parameters = [{"tensor_map": map.pop("dtype", "f32")}, {"write": "u64"}]
        manifest["symbols"] = {"N": [8, 8, 32]}
        arguments = [{"tensor_map": {"buffer": "in0"} | map}, buffer("out0")]
        manifest["outputs"] = [{"name": "y", "dtype": "u64", "shape": [16]}]
        manifest["buffers"][1]["bytes"] = 128
        manifest["kernels"] = {"k2_show": {"entry": "k2_show", "module": "k2_show", "parameters": parameters}}
        manifest["launches"] = [launch("k2_show", arguments, grid=[1, 1, 1])]

    return affine_plan(show, sources={"k2_show": ""})


def test_a_tiled_map_is_encoded_as_the_plan_says_and_passed_by_value(fake: FakeDriver) -> None:
    plan = showing(dims=[4, "N"], strides=[16], box=[4, 8], steps=[1, 2], swizzle="32B", fill="nan")
    y = engine_on(fake, plan).run({"x": batch(8)})["y"]
    ((kind, told),) = fake.encoded
    assert kind == "tiled"
    assert told[:2] == ("CU_TENSOR_MAP_DATA_TYPE_FLOAT32", 2)
    assert told[3:] == (
        [4, 8], [16], [4, 8], [1, 2], "CU_TENSOR_MAP_INTERLEAVE_NONE", "CU_TENSOR_MAP_SWIZZLE_32B",
        "CU_TENSOR_MAP_L2_PROMOTION_L2_256B", "CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA",
    )  # fmt: skip
    assert y.tolist() == [told[2], *[0] * 14, 1]


def test_floats_that_are_rounded_on_their_way_have_a_type_of_their_own(fake: FakeDriver) -> None:
    engine_on(fake, showing(dims=[4, "N"], strides=[16], box=[4, 8], rounding="tf32")).run({"x": batch(8)})
    ((_, told),) = fake.encoded
    assert told[0] == "CU_TENSOR_MAP_DATA_TYPE_TFLOAT32"


def test_an_im2col_map_is_encoded_as_the_plan_says(fake: FakeDriver) -> None:
    shape = {"dims": [4, 2, 4, 1], "strides": [16, 32, 128], "box": [4, 16], "steps": [1, 2, 1, 1]}
    engine_on(fake, showing(**shape, lower=[-1, 0], upper=[0, -2])).run({"x": batch(8)})
    ((kind, told),) = fake.encoded
    assert kind == "im2col"
    assert told[3:-4] == ([4, 2, 4, 1], [16, 32, 128], [-1, 0], [0, -2], 4, 16, [1, 2, 1, 1])
    assert told[-1] == "CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE"


@pytest.mark.parametrize("dtype", ["f8e4m3", "f8e8m0", "i4"])
def test_interleaved_maps_of_other_types(dtype: str, fake: FakeDriver) -> None:
    shape = {"dims": [4, 1, 4], "strides": [32, 32], "box": [4, 1, 1], "interleave": "32B", "swizzle": "32B"}
    engine_on(fake, showing(**shape, dtype=dtype)).run({"x": batch(8)})
    ((_, told),) = fake.encoded
    assert told[0] == "CU_TENSOR_MAP_DATA_TYPE_UINT8"
    assert told[7:9] == ("CU_TENSOR_MAP_INTERLEAVE_32B", "CU_TENSOR_MAP_SWIZZLE_32B")


class Tensor:
    """Another library's tensor in "device memory"."""

    def __init__(self, size: int) -> None:
        self.storage = np.zeros(16 * size + 256, np.uint8)
        self.size = size
        self.address = self.storage.ctypes.data + -self.storage.ctypes.data % 256

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, 0

    def __dlpack__(self, *, stream: int | None = None) -> object:
        return export_tensor(self, self.address, (CUDA, 0), "f32", (self.size, 4))


def test_a_map_is_encoded_anew_for_another_address_and_only_then(fake: FakeDriver) -> None:
    engine = engine_on(fake, showing(dims=[4, "N"], strides=[16], box=[4, 8]))
    first, second = Tensor(8), Tensor(8)
    where = []
    for tensor in (first, first, second, second, second, first):
        found = engine.run({"x": tensor}, {"y": (y := np.zeros(16, np.uint64))})["y"]
        assert found is y
        where.append(int(y[0]))
    own = where[2]  # what is met for the first time is copied into memory of the session
    assert where == [first.address, first.address, own, second.address, second.address, first.address]
    assert [told[2] for _, told in fake.encoded] == [first.address, own, second.address]
    assert own not in (first.address, second.address)
