"""Clusters, cooperative launches and tensor maps on a real GPU; copies are those of the host device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.errors import DeviceError
from glassrt.runtime import load
from glassrt.runtime.discovery import present_target

from .tiny_launches import (
    IM2COL,
    RING_RESULT,
    TILED,
    Array,
    made,
    proof_headers,
    ring,
    together,
    together_result,
)
from .tiny_launches import load as load_by
from .tiny_plans import affine_plan

X = np.random.default_rng(3).standard_normal((2, 5, 6, 8)).astype(np.float32)
SHAPE: dict[str, Any] = {"dims": [8, 6, 5, 2], "strides": [32, 192, 960]}
ROWS: dict[str, Any] = {"dims": [8, 6, 10], "strides": [32, 192], "box": [4, 7, 4], "steps": [1, 3, 2]}
LOADS: dict[str, dict[str, Any]] = {
    "steps": load_by(TILED.format(4, 1, 2), [2, 5, 6, 8], 24, **ROWS),
    "fill with NaN": load_by(TILED.format(4, 1, 8), [2, 5, 6, 8], 24, **ROWS, fill="nan"),
    "im2col": load_by(
        IM2COL.format(0, -1, -1, 0, 2, 1), [2, 5, 6, 8], 160, **SHAPE, box=[4, 40],
        lower=[-1, -1], upper=[-1, -1],
    ),
    "im2col with steps": load_by(
        IM2COL.format(4, 0, 0, 0, 0, 0), [2, 5, 6, 8], 64, **SHAPE, box=[4, 16], steps=[1, 2, 2, 1],
        lower=[0, 0], upper=[0, 0],
    ),
}  # fmt: skip


def run_on_gpu(fields: dict[str, Any], **inputs: Array) -> Array:
    """The result of a plan of such FIELDS, compiled for the GPU that is here."""
    target = present_target()
    assert target is not None
    kernels = compile_kernels(fields["sources"], target, proof_headers(), None)
    cubins = {target: {name: kernel.cubin for name, kernel in kernels.items()}}
    manifest = fields["manifest"] | {"targets": [target]}
    result = load(affine_plan(**fields | {"manifest": manifest, "cubins": cubins}), "cuda").run(inputs)["y"]
    assert isinstance(result, np.ndarray)
    return result


@pytest.mark.parametrize("fields", [ring(), together(4), *LOADS.values()])
def test_they_compile(fields: dict[str, Any]) -> None:
    (kernel,) = compile_kernels(fields["sources"], "sm_90a", proof_headers(), None).values()
    assert kernel.cubin and kernel.spill_bytes == 0


@pytest.mark.gpu
def test_blocks_of_a_cluster_write_to_each_other() -> None:
    assert run_on_gpu(ring()).tolist() == RING_RESULT


@pytest.mark.gpu
@pytest.mark.parametrize("name", LOADS)
def test_a_copy_is_that_of_the_host(name: str) -> None:
    expected = load(made(LOADS[name]), "host").run({"x": X})["y"]
    np.testing.assert_array_equal(run_on_gpu(LOADS[name], x=X), expected)


@pytest.mark.gpu
def test_blocks_of_a_cooperative_grid_wait_for_each_other() -> None:
    assert run_on_gpu(together(64)).tolist() == together_result(64)
    with pytest.raises(DeviceError, match="has 1000000 blocks that wait for each other"):
        run_on_gpu(together(1_000_000))
