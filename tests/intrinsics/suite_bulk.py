"""Cases for barriers, clusters and bulk tensor copies (sm_90 and later)."""

from __future__ import annotations

import numpy as np

from .cases import Array, Case, Map, Out, Swizzle
from .reference_math import nearest_tf32

_RANDOM = np.random.default_rng(3)
_SHARED = 8192 + 64  # the kernels keep their barrier at byte 8192
_SPAN = {"none": 0, "32B": 1, "64B": 3, "128B": 7}


def barrier_ring() -> Case:
    x = _RANDOM.integers(-99, 99, (7, 32)).astype(np.int32)
    return Case(
        "barrier_ring",
        "barrier",
        [x, Out(x[:, ::-1] * 3), 7],
        block=(64, 1, 1),
        shared_bytes=512,
        minimum=90,
    )


def cluster() -> Case:
    ranks = np.repeat(np.tile([0, 1], 4), 32).astype(np.int32)
    return Case(
        "cluster_ranks",
        "cluster",
        [Out(ranks), Out((1 - ranks) * 10 + ranks)],
        grid=(8, 1, 1),
        cluster=(2, 1, 1),
        minimum=90,
    )


def cluster_sums() -> Case:
    x = _RANDOM.integers(-99, 99, (8, 32)).astype(np.int32)
    ranks = np.tile(np.arange(4), 2)[:, None]
    parts = (x + (x + 1) * (x + 2) - (x + 3)).reshape(2, 4, 32)
    sums = np.einsum("crt,r->ct", parts, 3 ** np.arange(3, -1, -1)).repeat(4, axis=0) + ranks
    return Case(
        "cluster_sums",
        "cluster",
        [x, Out(sums.astype(np.int32))],
        grid=(8, 1, 1),
        cluster=(4, 1, 1),
        shared_bytes=2048 + 16,
        minimum=90,
    )


def cluster_copies() -> Case:
    x = _RANDOM.integers(-99, 99, (8, 32)).astype(np.int32)
    ranks = np.tile(np.arange(4), 2)[:, None]
    weights = 3 ** np.arange(3, -1, -1)
    sums = np.einsum("crt,r->ct", x.reshape(2, 4, 32), weights).repeat(4, axis=0) + ranks
    return Case(
        "cluster_copies",
        "cluster",
        [x, Out(sums.astype(np.int32))],
        grid=(8, 1, 1),
        cluster=(4, 1, 1),
        shared_bytes=5 * 128 + 16,
        minimum=90,
    )


def swizzled(tile: Array, swizzle: str) -> Array:
    """The bytes of a dense tile as a swizzling copy lays them out: 16-byte chunk c of line n at c ^ n."""
    flat = tile.reshape(-1).view(np.uint8)
    address = np.arange(flat.size)
    result = np.empty_like(flat)
    result[address ^ (((address >> 7) & _SPAN[swizzle]) << 4)] = flat
    return result


def box_of(x: Array, start: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """The box of `x` (outermost first) at `start`, zeros outside."""
    box = np.zeros(shape, x.dtype)
    for place in np.ndindex(*shape):
        at = tuple(s + p for s, p in zip(start, place, strict=True))
        if all(0 <= i < n for i, n in zip(at, x.shape, strict=True)):
            box[place] = x[at]
    return box


def tma_load_2d(swizzle: Swizzle, width: int) -> Case:
    x = _RANDOM.integers(0, 65536, (40, 64)).astype(np.uint16)
    tile = swizzled(box_of(x, (30, 8), (16, width)), swizzle)
    map = Map(x, (64, 40), (128,), (width, 16), swizzle)
    return Case(
        "tma_load_2",
        "tma",
        [map, Out(tile), 8, 30, tile.size],
        block=(64, 1, 1),
        shared_bytes=_SHARED,
        minimum=90,
        variant=swizzle,
    )


def tma_load_rounded() -> Case:
    """Floats of any bits, half of them half-way between two numbers of tf32, and what is no number."""
    bits = _RANDOM.integers(0, 1 << 32, (40, 32)).astype(np.uint32)
    bits[30:38] = bits[30:38] & 0xFFFFE000 | 0x1000
    bits[38, :8] = [0x7F800000, 0xFF800000, 0x7FFFFFFF, 0x7F800001, 0xFFC00000, 0x7F7FFFFF, 1, 0x80001000]
    rounded = nearest_tf32(bits.view(np.float32))
    tile = swizzled(box_of(rounded, (30, 0), (16, 32)), "128B")
    map = Map(bits.view(np.float32), (32, 40), (128,), (32, 16), "128B", rounding="tf32")
    return Case(
        "tma_load_2",
        "tma",
        [map, Out(tile), 0, 30, tile.size],
        block=(64, 1, 1),
        shared_bytes=_SHARED,
        minimum=90,
        variant="tf32",
    )


def tma_load_3d() -> Case:
    x = _RANDOM.integers(0, 65536, (3, 5, 32)).astype(np.uint16)
    tile = box_of(x, (1, -1, 8), (2, 4, 16)).reshape(-1).view(np.uint8)
    map = Map(x, (32, 5, 3), (64, 320), (16, 4, 2))
    return Case(
        "tma_load_3", "tma", [map, Out(tile), tile.size], block=(64, 1, 1), shared_bytes=_SHARED, minimum=90
    )


def tma_load_4d() -> Case:
    x = _RANDOM.standard_normal((2, 3, 6, 8)).astype(np.float32)
    tile = box_of(x, (1, -1, 1, 0), (1, 3, 4, 8)).reshape(-1).view(np.uint8)
    map = Map(x, (8, 6, 3, 2), (32, 192, 576), (8, 4, 3, 1))
    return Case(
        "tma_load_4", "tma", [map, Out(tile), tile.size], block=(64, 1, 1), shared_bytes=_SHARED, minimum=90
    )


def tma_store_2d(swizzle: Swizzle, width: int) -> Case:
    before = _RANDOM.integers(0, 999, (20, 64)).astype(np.uint16)
    tile = (1000 + np.arange(8 * width)).astype(np.uint16)
    # The store reads the tile where a swizzling load would have put it.
    order = swizzled(np.arange(8 * width, dtype=np.uint16), swizzle).view(np.uint16)
    placed = np.empty_like(tile)
    placed[order] = tile
    after = before.copy()
    after[16:20, 16 : 16 + width] = placed.reshape(8, width)[:4]
    output = Out(after, before)
    map = Map(before, (64, 20), (128,), (width, 8), swizzle)
    return Case(
        "tma_store_2",
        "tma",
        [map, output, 16, 16, tile.size],
        block=(64, 1, 1),
        shared_bytes=_SHARED,
        minimum=90,
        variant=swizzle,
    )


def tma_store_4d() -> Case:
    """A box of 2 x 3 pixels of 16 bytes, of which a column and a line lie outside the image."""
    before = _RANDOM.integers(0, 99, (2, 3, 4, 32)).astype(np.uint8)
    after = before.copy()
    after[1, 2, 2:, 16:] = (100 + np.arange(96)).astype(np.uint8).reshape(2, 3, 16)[0, :2]
    map = Map(before, (32, 4, 3, 2), (32, 128, 384), (16, 3, 2, 1))
    arguments = [map, Out(after, before), 96]
    return Case("tma_store_4", "tma", arguments, block=(64, 1, 1), shared_bytes=_SHARED, minimum=90)


def tma_store_twice() -> Case:
    before = np.zeros((16, 64), np.uint16)
    after = np.concatenate([1000 * turn + np.arange(512) for turn in (1, 2)]).astype(np.uint16)
    arguments = [Map(before, (64, 16), (128,), (64, 8), "none"), Out(after.reshape(16, 64), before), 512]
    return Case("tma_store_twice", "tma", arguments, block=(64, 1, 1), shared_bytes=_SHARED, minimum=90)


def tma_load_shares() -> Case:
    x = _RANDOM.integers(0, 999, (2, 16, 64)).astype(np.uint16)
    flat, deep = Map(x[0].copy(), (64, 16), (128,), (64, 8)), Map(x, (64, 16, 2), (128, 2048), (64, 8, 1))
    deeper = Map(x.copy(), (64, 16, 1, 2), (128, 2048, 2048), (64, 8, 1, 1))
    both = np.stack([x[0], x[1], x[1]] * 2)
    return Case(
        "tma_load_shares",
        "multicast",
        [flat, deep, deeper, Out(both.reshape(-1)), x[0].size],
        grid=(2, 1, 1),
        block=(64, 1, 1),
        cluster=(2, 1, 1),
        shared_bytes=_SHARED,
        minimum=90,
    )


def cases() -> list[Case]:
    widths: dict[Swizzle, int] = {"none": 24, "32B": 16, "64B": 32, "128B": 64}
    loads = [tma_load_2d(swizzle, width) for swizzle, width in widths.items()]
    stores = [tma_store_2d("none", 24), tma_store_2d("64B", 32), tma_store_4d(), tma_store_twice()]
    clusters = [cluster(), cluster_sums(), cluster_copies(), tma_load_shares()]
    return [barrier_ring(), *clusters, *loads, tma_load_rounded(), tma_load_3d(), tma_load_4d(), *stores]
