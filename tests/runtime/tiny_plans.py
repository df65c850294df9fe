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


def launch(
    kernel: str, arguments: list[Any], reads: list[str], writes: list[str], **more: Any
) -> dict[str, Any]:
    """A launch record over all elements, in blocks of 32 threads."""
    return {
        "kernel": kernel,
        "op": kernel.split("_")[1],
        "nodes": [f"node of {kernel}"],
        "grid": GRID,
        "block": [32, 1, 1],
        "cluster": [1, 1, 1],
        "shared_bytes": 0,
        "stream": 0,
        "waits": [],
        "pdl": True,
        "arguments": arguments,
        "reads": reads,
        "writes": writes,
    } | more


def buffer(name: str) -> dict[str, str]:
    """A buffer argument."""
    return {"buffer": name}


AFFINE: dict[str, Any] = {
    "format": 1,
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
        "k0_double": {"entry": "k0_double", "parameters": ["buffer", "buffer", "i32"]},
        "k1_add": {"entry": "k1_add", "parameters": ["buffer", "buffer", "buffer", "i32"]},
    },
    "launches": [
        launch("k0_double", [buffer("in0"), buffer("b0"), {"i32": ELEMENTS}], ["in0"], ["b0"]),
        launch(
            "k1_add",
            [buffer("b0"), buffer("w0"), buffer("out0"), {"i32": ELEMENTS}],
            ["b0", "w0"],
            ["out0"],
        ),
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
