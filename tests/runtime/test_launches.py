"""Clusters, cooperative launches and tensor maps: what the driver is told, and what the host device does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError
from glassrt.runtime import load
from glassrt.runtime.host import HostModule
from glassrt.runtime.host_backend import HostBackend

from .fake_driver import FakeDriver
from .tiny_engines import batch, engine_on
from .tiny_launches import IM2COL, RING_RESULT, TILED, Array, columns, made, ring, together, together_result
from .tiny_launches import load as load_by
from .tiny_plans import affine, affine_plan, real_headers


def run_on_host(fields: dict[str, Any], **inputs: Array) -> Array:
    result = load(made(fields), "host").run(inputs)["y"]
    assert isinstance(result, np.ndarray)
    return result


# ---------------------------------------------------------------- the driver


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


# ---------------------------------------------------------------- the host device


def test_blocks_of_a_cluster_write_to_each_other() -> None:
    assert run_on_host(ring()).tolist() == RING_RESULT


def test_a_rank_outside_the_cluster_is_a_fault() -> None:
    fields = ring()
    fields["sources"] = {"k3_ring": fields["sources"]["k3_ring"].replace("(rank + 1) % 4", "rank + 1")}
    with pytest.raises(DeviceError, match="cluster_shared takes a rank within the cluster"):
        run_on_host(fields)


OVERLAP = """
#include "glass.cuh"
using namespace glass;
GLASS_KERNEL(32, 1) k_overlap(Output<f32> y, const int blocks) {
    pdl_launch_dependents();
    if (block_x() >= blocks) return;
    pdl_wait();
    if (thread_x() == 0) y[block_x()] = 1.0f;
}
"""


def test_a_kernel_that_lets_the_next_one_start_waits_for_those_before() -> None:
    """One block is enough: the kernel ends when all of its blocks do, and the next one waits for that."""
    module = HostModule({"k_overlap": OVERLAP}, real_headers())
    one, y = (1, 1, 1), np.zeros(64, np.float32)
    for blocks in (64, 1):
        module.launch("k_overlap", (64, 1, 1), (32, 1, 1), one, 0, [y, np.int32(blocks)])
    with pytest.raises(DeviceError, match="k_overlap: lets the next kernel start, and no thread waits"):
        module.launch("k_overlap", (64, 1, 1), (32, 1, 1), one, 0, [y, np.int32(0)])


@pytest.mark.parametrize("order", ["forward", "reverse", ("seeded", 3)])
def test_blocks_of_a_cooperative_grid_wait_for_each_other(order: Any) -> None:
    result = load(made(together(20)), HostBackend(order)).run({})["y"]
    assert isinstance(result, np.ndarray) and result.tolist() == together_result(20)


def test_a_grid_whose_blocks_do_not_run_together_waits_for_ever() -> None:
    fields = together(4)
    fields["manifest"]["launches"][0]["cooperative"] = False
    with pytest.raises(DeviceError, match="waits at grid_wait for ever"):
        run_on_host(fields)


def test_a_cooperative_grid_that_the_host_cannot_hold_is_an_error() -> None:
    with pytest.raises(DeviceError, match="65 blocks wait for each other, 64 is the most on the host"):
        run_on_host(together(65))


def test_a_cluster_of_more_blocks_than_gpus_take_is_an_error() -> None:
    """Though it is the whole grid, whose blocks could run together if they were launched so."""
    module = HostModule({"k_overlap": OVERLAP}, real_headers())
    launch = ("k_overlap", (32, 1, 1), (32, 1, 1))
    arguments = [np.zeros(32, np.float32), np.int32(32)]
    with pytest.raises(DeviceError, match=r"a cluster of \(32, 1, 1\), 16 blocks is the most"):
        module.launch(*launch, (32, 1, 1), 0, arguments)
    module.launch(*launch, (1, 1, 1), 0, arguments, cooperative=True)


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
