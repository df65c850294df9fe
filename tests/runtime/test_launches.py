"""Clusters, cooperative launches and tensor maps: what the driver is told, and what the host device does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError
from glassrt.runtime import Engine, Plan, load
from glassrt.runtime.cuda import open_backend
from glassrt.runtime.cuda_driver import Driver
from glassrt.runtime.dlpack import CUDA, export_tensor

from .fake_driver import FakeDriver
from .tiny_launches import IM2COL, RING_RESULT, TILED, Array, columns, made, ring, together
from .tiny_launches import load as load_by
from .tiny_plans import affine, affine_plan, buffer, launch


def engine_on(fake: FakeDriver, plan: Plan, debug: bool = False) -> Engine:
    return Engine(plan, open_backend(0, debug, Driver(fake)))


def batch(size: int) -> Array:
    return np.random.default_rng(size).standard_normal((size, 4)).astype(np.float32)


def run_on_host(fields: dict[str, Any], **inputs: Array) -> Array:
    result = load(made(fields), "host").run(inputs)["y"]
    assert isinstance(result, np.ndarray)
    return result


# ---------------------------------------------------------------- the driver


def test_the_driver_is_told_of_clusters_and_of_cooperative_launches(fake: FakeDriver) -> None:
    def change(manifest: dict[str, Any]) -> None:
        first, second = manifest["launches"]
        first |= {"grid": [8, 1, 1], "cluster": [4, 2, 1], "shared_bytes": 200_000}
        first["grid"] = [8, 2, 1]
        second["cooperative"] = True

    x = batch(3)
    np.testing.assert_array_equal(engine_on(fake, affine_plan(change)).run({"x": x})["y"], affine(x))
    assert fake.attributes == [[("CLUSTER_DIMENSION", (4, 2, 1))], [("COOPERATIVE", 1)]]
    assert fake.launched == [("k0_double", False), ("k1_add", False)]
    assert fake.log.count("cuFuncSetAttribute") == 1


def test_a_plain_launch_has_no_attributes(fake: FakeDriver) -> None:
    engine_on(fake, affine_plan(), debug=True).run({"x": batch(3)})
    assert fake.attributes == [[], []]


def test_a_cooperative_grid_that_the_gpu_cannot_hold_is_an_error(fake: FakeDriver) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["launches"][1] |= {"cooperative": True, "grid": [9, 1, 1]}

    fake.figures["MULTIPROCESSOR_COUNT"] = 4
    engine = engine_on(fake, affine_plan(change))
    with pytest.raises(DeviceError, match=r"kernel k1_add \('add'\) has 9 blocks that wait for each other; "
                       "cuda:0 holds 8 at a time"):  # fmt: skip
        engine.run({"x": batch(3)})
    larger = FakeDriver()
    larger.figures["MULTIPROCESSOR_COUNT"] = 5
    found = engine_on(larger, affine_plan(change)).run({"x": batch(3)})["y"]
    np.testing.assert_array_equal(found, affine(batch(3)))


def showing(**map: Any) -> Plan:
    """y = the descriptor of a map over x."""

    def show(manifest: dict[str, Any]) -> None:
        parameters = [{"tensor_map": map.pop("dtype", "f32")}, {"write": "u64"}]
        manifest["symbols"] = {"N": [8, 8, 32]}
        arguments = [{"tensor_map": {"buffer": "in0"} | map}, buffer("out0")]
        manifest["outputs"] = [{"name": "y", "dtype": "u64", "shape": [16]}]
        manifest["buffers"][1]["bytes"] = 128
        manifest["kernels"] = {"k2_show": {"entry": "k2_show", "parameters": parameters}}
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
    for tensor in (first, first, second, second, first):
        found = engine.run({"x": tensor}, {"y": (y := np.zeros(16, np.uint64))})["y"]
        assert found is y and y[0] == tensor.address
    assert [told[2] for _, told in fake.encoded] == [first.address, second.address]


# ---------------------------------------------------------------- the host device


def test_blocks_of_a_cluster_write_to_each_other() -> None:
    assert run_on_host(ring()).tolist() == RING_RESULT


def test_a_rank_outside_the_cluster_is_a_fault() -> None:
    fields = ring()
    fields["sources"] = {"k3_ring": fields["sources"]["k3_ring"].replace("(rank + 1) % 4", "rank + 1")}
    with pytest.raises(DeviceError, match="cluster_shared takes a rank within the cluster"):
        run_on_host(fields)


def test_the_host_has_no_cooperative_launches() -> None:
    with pytest.raises(DeviceError, match=r"k5_together.*cooperative.*blocks cannot wait") as refused:
        load(made(together(4)), "host")
    assert refused.value.hint == "run this plan on a GPU"


def test_the_host_has_no_interleaved_maps() -> None:
    shape = {"dims": [4, 2, 3], "strides": [32, 64], "box": [4, 2, 1], "interleave": "16B"}
    with pytest.raises(DeviceError, match="no interleaved tensor maps"):
        run_on_host(load_by(TILED.format(0, 0, 0), [6, 8], 8, **shape), x=np.zeros((6, 8), np.float32))


@pytest.mark.parametrize("fill", ["zero", "nan"])
def test_a_tiled_copy_takes_steps_and_fills(fill: str) -> None:
    x = np.random.default_rng(1).standard_normal((5, 6, 8)).astype(np.float32)
    shape = {"dims": [8, 6, 5], "strides": [32, 192], "box": [8, 7, 4], "steps": [1, 3, 2], "fill": fill}
    found = run_on_host(load_by(TILED.format(4, 1, 2), [5, 6, 8], 2 * 3 * 8, **shape), x=x)
    expected = np.full((2, 3, 8), 0 if fill == "zero" else np.nan, np.float32)
    expected[:, :2, :4] = x[2:6:2, 1:5:3, 4:8]
    np.testing.assert_array_equal(found, expected.reshape(-1))


@pytest.mark.parametrize("column", [-1, 2, 6])
def test_a_copy_that_starts_within_16_bytes_is_refused(column: int) -> None:
    """A GPU answers it with an illegal instruction, which ends its context."""
    shape = {"dims": [8, 6, 5], "strides": [32, 192], "box": [4, 1, 1], "steps": [1, 1, 1]}
    with pytest.raises(DeviceError, match="innermost coordinate is not a multiple of 16 bytes"):
        run_on_host(
            load_by(TILED.format(column, 0, 0), [5, 6, 8], 4, **shape), x=np.ones((5, 6, 8), np.float32)
        )


COLUMNS: dict[str, tuple[dict[str, Any], tuple[int, int], tuple[int, ...], tuple[int, int]]] = {
    "3x3, padded": ({"lower": (-1, -1), "upper": (-1, -1)}, (4, 40), (0, -1, -1, 0), (2, 1)),
    "3x3, from within": ({"lower": (-1, -1), "upper": (-1, -1)}, (8, 33), (0, 2, 3, 1), (0, 2)),
    "of stride 2": ({"lower": (0, 0), "upper": (0, 0), "steps": (2, 2)}, (4, 16), (4, 0, 0, 0), (0, 0)),
    "beyond the last image": ({"lower": (0, 0), "upper": (0, 0)}, (4, 64), (4, 3, 2, 1), (0, 0)),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_an_im2col_copy(name: str) -> None:
    corners, box, at, offsets = COLUMNS[name]
    x = np.random.default_rng(2).standard_normal((2, 5, 6, 8)).astype(np.float32)
    map = {
        "dims": [8, 6, 5, 2], "strides": [32, 192, 960], "box": list(box),
        "steps": [1, *corners.get("steps", (1, 1)), 1],
        "lower": list(corners["lower"]), "upper": list(corners["upper"]),
    }  # fmt: skip
    found = run_on_host(load_by(IM2COL.format(*at, *offsets), [2, 5, 6, 8], box[0] * box[1], **map), x=x)
    np.testing.assert_array_equal(found.reshape(box[1], box[0]), columns(x, box, at, offsets, **corners))


def test_the_kinds_of_maps_are_told_apart() -> None:
    x = np.zeros((2, 5, 6, 8), np.float32)
    map = {"dims": [8, 6, 5, 2], "strides": [32, 192, 960], "box": [4, 2, 2, 1]}
    with pytest.raises(DeviceError, match="a tiled tensor map used as an im2col one"):
        run_on_host(load_by(IM2COL.format(0, 0, 0, 0, 0, 0), [2, 5, 6, 8], 16, **map), x=x)
