"""Hand-written plans that are small enough to check byte by byte."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import glassrt.runtime
import numpy as np
from glassrt.runtime import Plan

COLUMNS = 4
WEIGHTS = np.arange(COLUMNS, dtype=np.float32)
INCLUDE = Path(glassrt.runtime.__file__).parent.parent / "templates" / "include"
LEVELS = {level: f"module @{level} {{}}\n" for level in ("graph", "fused", "precision", "launch")}

DOUBLE = """#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) k0_double(Input<f32> x, Output<f32> y, const int count) {
    pdl_wait();
    const int i = block_x() * 32 + thread_x();
    if (i < count) y[i] = x[i] + x[i];
}
"""
ADD = """#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) k1_add(Input<f32> x, Input<f32> w, Output<f32> y, const int count) {
    pdl_wait();
    const int i = block_x() * 32 + thread_x();
    if (i < count) y[i] = x[i] + w[i % 4];
}
"""

ELEMENTS = ["*", "N", COLUMNS]
BYTES = ["*", "N", 4 * COLUMNS]
GRID = [["floordiv", ["+", ELEMENTS, 31], 32], 1, 1]


def launch(kernel: str, arguments: list[Any], **more: Any) -> dict[str, Any]:
    """A launch record over all elements, in blocks of 32 threads."""
    return {
        "kernel": kernel,
        "op": kernel.split("_")[1],
        "nodes": [f"node of {kernel}"],
        "grid": GRID,
        "block": [32, 1, 1],
        "cluster": [1, 1, 1],
        "cooperative": False,
        "shared_bytes": 0,
        "stream": 0,
        "waits": [],
        "pdl": True,
        "arguments": arguments,
    } | more


def buffer(name: str) -> dict[str, str]:
    """A buffer argument."""
    return {"buffer": name}


READ, WRITE, COUNT_OF = {"read": "f32"}, {"write": "f32"}, {"scalar": "i32"}


AFFINE: dict[str, Any] = {
    "format": 4,
    "generator": "glassrt test",
    "name": "affine",
    "targets": ["sm_90a"],
    "min_driver": 13000,
    "symbols": {"N": [1, 8, 32]},
    "inputs": [{"name": "x", "dtype": "f32", "shape": ["N", COLUMNS]}],
    "outputs": [{"name": "y", "dtype": "f32", "shape": ["N", COLUMNS]}],
    "arena_bytes": 1024,
    "weights_bytes": 16,
    "buffers": [
        {"name": "in0", "space": "input", "index": 0, "bytes": BYTES},
        {"name": "out0", "space": "output", "index": 0, "bytes": BYTES},
        {"name": "b0", "space": "arena", "offset": 256, "bytes": BYTES},
        {"name": "w0", "space": "weights", "offset": 0, "bytes": 16},
    ],
    "kernels": {
        "k0_double": {"entry": "k0_double", "module": "k0_double", "parameters": [READ, WRITE, COUNT_OF]},
        "k1_add": {"entry": "k1_add", "module": "k1_add", "parameters": [READ, READ, WRITE, COUNT_OF]},
    },
    "launches": [
        launch("k0_double", [buffer("in0"), buffer("b0"), {"scalar": ELEMENTS}]),
        launch("k1_add", [buffer("b0"), buffer("w0"), buffer("out0"), {"scalar": ELEMENTS}]),
    ],
}


def affine_manifest(change: Callable[[dict[str, Any]], object] | None = None) -> dict[str, Any]:
    """A fresh copy of the manifest, after `change` was applied to it."""
    manifest = copy.deepcopy(AFFINE)
    if change is not None:
        change(manifest)
    return manifest


def affine_plan(change: Callable[[dict[str, Any]], object] | None = None, **parts: Any) -> Plan:
    """y = 2 * x + w, with parts of the plan replaced by those given."""
    manifest = affine_manifest(change)
    kernels = list(manifest["kernels"])
    fields: dict[str, Any] = {
        "manifest": manifest,
        "levels": LEVELS,
        "ledger": [{"rule": "none", "verdict": "kept apart"}],
        "sources": {"k0_double": DOUBLE, "k1_add": ADD},
        "cubins": {
            target: {name: f"cubin of {name}".encode() for name in kernels} for target in manifest["targets"]
        },
        "weights": WEIGHTS.tobytes(),
        "headers": {"glass.cuh": "// none\n"},
    }
    return Plan(**fields | parts)


def affine(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What the plan computes."""
    return 2 * x + WEIGHTS


def real_headers() -> dict[str, str]:
    """The include files of the intrinsics, as a compiled plan carries them."""
    return {
        path.name: path.read_text() for path in sorted(INCLUDE.iterdir()) if path.suffix in (".cuh", ".hpp")
    }


COUNT = """#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(1, 1) k0_count(Output<i32> counter, Output<i32> y, const int step) {
    y[0] = counter[0];
    counter[0] = counter[0] + step;
}
"""


def counting_plan(step: int) -> Plan:
    """y = a counter in zeroed memory, which then goes up by `step`."""
    arguments = [buffer("b0"), buffer("out0"), {"scalar": step}]
    manifest = affine_manifest() | {
        "symbols": {},
        "inputs": [],
        "outputs": [{"name": "y", "dtype": "i32", "shape": []}],
        "zeroed_bytes": 4,
        "buffers": [
            {"name": "b0", "space": "arena", "offset": 0, "bytes": 4},
            {"name": "out0", "space": "output", "index": 0, "bytes": 4},
        ],
        "kernels": {
            "k0_count": {
                "entry": "k0_count",
                "module": "k0_count",
                "parameters": [{"scratch": "i32"}, {"write": "i32"}, COUNT_OF],
            }
        },
        "launches": [launch("k0_count", arguments, grid=[1, 1, 1], block=[1, 1, 1])],
    }
    cubins = {"sm_90a": {"k0_count": b"cubin of k0_count"}}
    return affine_plan(manifest=manifest, sources={"k0_count": COUNT}, cubins=cubins, headers=real_headers())


COPY_TILE = """#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) k2_tile(const GLASS_TENSOR_MAP map, Output<f32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    f32* const tile = reinterpret_cast<f32*>(smem);
    Barrier* const barrier = reinterpret_cast<Barrier*>(smem + 512);
    if (thread_x() == 0) barrier_init(*barrier, 1);
    barrier_fence_init();
    sync_threads();
    if (thread_x() == 0) {
        barrier_expect(*barrier, 512);
        tma_load_2d(tile, map, *barrier, 0, 0);
    }
    barrier_wait(*barrier, 0);
    for (int i = thread_x(); i < 128; i += 32) y[i] = tile[i];
}
"""


def tile_plan(change: Callable[[dict[str, Any]], object] | None = None, **parts: Any) -> Plan:
    """y = x for 32 rows, moved by one bulk copy through a tensor map."""

    def tile(manifest: dict[str, Any]) -> None:
        fields = {"dims": [COLUMNS, "N"], "strides": [16], "box": [COLUMNS, 32], "swizzle": "none"}
        arguments = [{"tensor_map": {"buffer": "in0"} | fields}, buffer("out0")]
        manifest["targets"] = []
        manifest["symbols"] = {"N": [32, 32, 32]}
        manifest["kernels"] = {
            "k2_tile": {"entry": "k2_tile", "module": "k2_tile", "parameters": [{"tensor_map": "f32"}, WRITE]}
        }
        manifest["launches"] = [launch("k2_tile", arguments, grid=[1, 1, 1], shared_bytes=1024)]
        if change is not None:
            change(manifest)

    return affine_plan(tile, **{"sources": {"k2_tile": COPY_TILE}, "headers": real_headers()} | parts)
