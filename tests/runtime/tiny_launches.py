"""Hand-written plans whose kernels are launched in clusters, together, or with tensor maps of all kinds.

The headers have no intrinsic yet for the shared memory of other blocks: `PROOF` has it, with a body for the
host and one for the GPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.runtime import Plan

from .tiny_plans import affine_manifest, affine_plan, buffer, launch, real_headers

Array = np.ndarray[Any, Any]

PROOF = """#pragma once
namespace glass {
#if defined(GLASS_HOST)
template <class T>
GLASS_DEVICE T* cluster_shared(T* own, int rank) {
    return static_cast<T*>(host::cluster_shared(own, rank));
}
#elif defined(GLASS_HAS_SM90)
template <class T>
GLASS_DEVICE T* cluster_shared(T* own, int rank) {
    u64 address;
    asm("mapa.u64 %0, %1, %2;" : "=l"(address) : "l"(reinterpret_cast<u64>(own)), "r"(rank));
    return reinterpret_cast<T*>(address);
}
#endif
}  // namespace glass
"""

# Every block gives its number to the next one of its cluster, by way of that one's shared memory.
RING = """#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) k3_ring(Output<i32> y) {
    GLASS_DYNAMIC_SHARED(smem);
    i32* const words = reinterpret_cast<i32*>(smem);
    const int rank = cluster_rank();
    cluster_sync();
    i32* const theirs = cluster_shared(words, (rank + 1) % 4);
    if (thread_x() == 0) theirs[0] = 100 * rank + block_x();
    cluster_sync();
    if (thread_x() == 0) y[block_x()] = words[0];
}
"""

# One bulk copy, whose elements are stored in the order in which they lie in shared memory.
LOAD = """#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) k4_load(const GLASS_TENSOR_MAP map, Input<f32> x, Output<f32> y, const int count) {{
    GLASS_DYNAMIC_SHARED(smem);
    f32* const tile = reinterpret_cast<f32*>(smem);
    Barrier* const barrier = reinterpret_cast<Barrier*>(smem + 8192);
    if (thread_x() == 0) barrier_init(*barrier, 1);
    barrier_fence_init();
    sync_threads();
    if (thread_x() == 0) {{
        barrier_expect(*barrier, 4 * count);
        {call};
    }}
    barrier_wait(*barrier, 0);
    for (int i = thread_x(); i < count; i += 32) y[i] = tile[i];
}}
"""
TILED = "tma_load_3d(tile, map, *barrier, {}, {}, {})"
IM2COL = "tma_load_im2col(tile, map, *barrier, {}, {}, {}, {}, {}, {})"
# All blocks of a cooperative grid count themselves, and wait for each other.
TOGETHER = """#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) k5_together(Output<u32> arrived, Output<i32> y) {
    if (thread_x() == 0) y[block_x()] = 100 + block_x();
    sync_threads();
    if (thread_x() == 0) {
        grid_arrive(arrived, 0);
        grid_wait(arrived, 0, grid_x());
        y[grid_x() + block_x()] = load_streaming(Input<i32>(y), (block_x() + 1) % grid_x());
    }
}
"""


def proof_headers() -> dict[str, str]:
    """The intrinsics and those of `PROOF`."""
    headers = real_headers()
    return headers | {"glass.cuh": headers["glass.cuh"] + '#include "proof.cuh"\n', "proof.cuh": PROOF}


def _plan(source: str, shape: list[int] | None, result: tuple[str, int], **parts: Any) -> dict[str, Any]:
    """The fields of a plan of one kernel from x to y; `parts` are its parameters, arguments and launch."""
    name = source.split("GLASS_KERNEL(32, 1) ")[1].split("(")[0]
    dtype, count = result
    buffers = [{"name": "y", "space": "output", "index": 0, "bytes": 4 * count}]
    if shape is not None:
        size = 4 * int(np.prod(shape))
        buffers.append({"name": "x", "space": "input", "index": 0, "bytes": size})
    buffers += parts.pop("buffers", [])
    arguments, parameters = parts.pop("arguments"), parts.pop("parameters")
    manifest = affine_manifest() | {
        "targets": [],
        "symbols": {},
        "inputs": [] if shape is None else [{"name": "x", "dtype": "f32", "shape": shape}],
        "outputs": [{"name": "y", "dtype": dtype, "shape": [count]}],
        "zeroed_bytes": 256,
        "buffers": buffers,
        "kernels": {name: {"entry": name, "module": name, "parameters": parameters}},
        "launches": [launch(name, arguments, **parts)],
    }
    return {"manifest": manifest, "sources": {name: source}, "headers": proof_headers()}


def made(fields: dict[str, Any]) -> Plan:
    """The plan of such FIELDS, for the host device."""
    return affine_plan(**fields | {"cubins": {}})


def ring() -> dict[str, Any]:
    """Two clusters of four blocks."""
    more = {"grid": [8, 1, 1], "cluster": [4, 1, 1], "shared_bytes": 128}
    return _plan(RING, None, ("i32", 8), parameters=[{"write": "i32"}], arguments=[buffer("y")], **more)


RING_RESULT = [100 * ((i - 1) % 4) + i - i % 4 + (i - 1) % 4 for i in range(8)]


def load(call: str, shape: list[int], count: int, **map: Any) -> dict[str, Any]:
    """The COUNT elements that one copy by MAP brings of an input of SHAPE."""
    parameters = [{"tensor_map": "f32"}, {"read": "f32"}, {"write": "f32"}, {"scalar": "i32"}]
    arguments = [{"tensor_map": {"buffer": "x"} | map}, buffer("x"), buffer("y"), {"scalar": count}]
    more = {"grid": [1, 1, 1], "shared_bytes": 8192 + 128}
    source = LOAD.format(call=call)
    return _plan(source, shape, ("f32", count), parameters=parameters, arguments=arguments, **more)


def together(blocks: int) -> dict[str, Any]:
    """A cooperative launch, whose blocks wait for each other, then copy what the next one has written."""
    parameters = [{"scratch": "u32"}, {"write": "i32"}]
    counter = {"name": "b", "space": "arena", "offset": 0, "bytes": 4}
    return _plan(
        TOGETHER, None, ("i32", 2 * blocks), parameters=parameters, arguments=[buffer("b"), buffer("y")],
        buffers=[counter], grid=[blocks, 1, 1], cooperative=True,
    )  # fmt: skip


def together_result(blocks: int) -> list[int]:
    """What such a launch writes."""
    return [100 + at % blocks for at in (*range(blocks), *range(1, blocks + 1))]


def columns(
    x: Array, box: tuple[int, int], at: tuple[int, ...], offsets: tuple[int, int], **corners: Any
) -> Array:
    """What an im2col copy from X[n, h, w, c] brings: (pixels, channels), zeros outside.

    Source: PTX ISA, "Im2col mode".
    """
    lower, upper, steps = corners["lower"], corners["upper"], corners.get("steps", (1, 1))
    c, w, h, n = at
    result = np.zeros((box[1], box[0]), x.dtype)
    for pixel in range(box[1]):
        for channel in range(box[0]):
            place = (n, h + offsets[1], w + offsets[0], c + channel)
            if all(0 <= i < size for i, size in zip(place, x.shape, strict=True)):
                result[pixel, channel] = x[place]
        w += steps[0]
        if w >= x.shape[2] + upper[0]:
            w, h = lower[0], h + steps[1]
        if h >= x.shape[1] + upper[1]:
            h, n = lower[1], n + 1
    return result
