"""Cases for launch, memory, asynchronous copies, atomics and programmatic launch."""

from __future__ import annotations

import numpy as np

from .cases import Array, Case, Out

_RANDOM = np.random.default_rng(1)


def _floats(*shape: int) -> Array:
    return _RANDOM.standard_normal(shape).astype(np.float32)


def indices() -> Case:
    grid, threads = (2, 3, 2), 64
    rows = []
    for block in range(12):
        rows += [[block, thread, thread % 32, thread // 32, grid[2], 0] for thread in range(threads)]
    return Case("indices", "indices", [Out(np.array(rows, np.int32))], grid, (threads, 1, 1))


def vectors() -> Case:
    a, b = _floats(32, 4), _floats(32, 2).astype(np.float16)
    c = _RANDOM.integers(0, 256, (32, 8)).astype(np.uint8)
    return Case("vectors", "vectors", [a, b, c, *(Out(array[::-1].copy()) for array in (a, b, c))])


def wide() -> Case:
    a, b = _floats(32, 16), _RANDOM.integers(0, 256, (32, 4)).astype(np.uint8)
    return Case("wide", "wide", [a, b, *(Out(array[::-1].copy()) for array in (a, b))])


def _some(x: Array, elements: int) -> Array:
    """X with its first element for every third vector of ELEMENTS."""
    vectors = x.reshape(-1, elements).copy()
    vectors[::3] = x.flat[0]
    return vectors.reshape(x.shape)


def predicated(bytes: int) -> Case:
    x = {1: _RANDOM.integers(0, 256, (64, 4)).astype(np.uint8), 2: _floats(64, 4).astype(np.float16)}.get(
        bytes, _floats(64, 4)
    )
    wanted = _some(x, 4)
    return Case(f"predicated_{bytes}", "predicated", [x, Out(wanted), Out(wanted.copy())], block=(64, 1, 1))


def predicated_others() -> Case:
    a, b = _floats(64).astype(np.float16), _floats(64, 8)
    arguments = [a, b, Out(_some(a, 1)), Out(_some(b, 8))]
    return Case("predicated_others", "predicated", arguments, block=(64, 1, 1))


def row_reduce() -> Case:
    x = _RANDOM.integers(-99, 99, 128).astype(np.int32)
    along, across = x.reshape(16, 8), x.reshape(4, 32)
    rows = [
        np.repeat(along.sum(1), 8),
        np.full(128, x.max()),
        np.tile(across.min(0), 4),
        np.tile((across > 90).any(0), 4),
        np.repeat((x.reshape(2, 64) > -90).all(1), 64),
    ]
    y = np.stack(rows).astype(np.int32)
    return Case("row_reduce_all", "row_reduce", [x, Out(y)], block=(128, 1, 1), shared_bytes=512)


def streaming() -> Case:
    x = _floats(32, 4)
    y = x.copy()
    y[:, 0] = x[::-1, 0]
    return Case("streaming", "streaming", [x, Out(y)])


def shared_reverse() -> Case:
    x = _floats(4, 128)
    return Case(
        "shared_reverse",
        "shared_reverse",
        [x, Out(x[:, ::-1].copy())],
        (4, 1, 1),
        (128, 1, 1),
        shared_bytes=512,
    )


def named_barrier() -> Case:
    x = _RANDOM.integers(-99, 99, 128).astype(np.int32)
    pairs = x.reshape(2, 64)
    for _ in range(3):
        pairs = np.roll(pairs, -33, axis=1) + np.array([[0], [1]], np.int32)
    return Case(
        "named_barrier", "named_barrier", [x, Out(pairs.reshape(128))], block=(128, 1, 1), shared_bytes=512
    )


def async_copy() -> Case:
    x, h = _floats(128), _floats(128).astype(np.float16)
    valid = np.arange(32) % 3 != 2
    wide = np.where(valid[:, None], x.reshape(32, 4), 0).astype(np.float32)
    narrow = np.where(valid, x[:32][::-1], 0).astype(np.float32)[::-1]
    half = np.where(valid[:, None], h.reshape(32, 4), 0).astype(np.float16)[::-1]
    y = np.concatenate([wide.reshape(-1), narrow])
    return Case("async_copy", "async_copy", [x, h, Out(y), Out(half.copy())], shared_bytes=1280)


def atomics() -> Case:
    x = _RANDOM.integers(-50, 50, 8 * 64).astype(np.int32)
    sums = np.array([x[(x & 3) == k].sum() for k in range(4)])
    seen = np.ones(1 + x.size, np.uint32)
    seen[0] = x.size
    outputs = [Out(sums.astype(kind), np.zeros(4, kind)) for kind in (np.float32, np.float64, np.int32)]
    return Case(
        "atomics", "atomics", [x, *outputs, Out(seen, np.zeros(seen.size, np.uint32))], (8, 1, 1), (64, 1, 1)
    )


def shared_counts() -> Case:
    x = _RANDOM.integers(-50, 50, (3, 128)).astype(np.int32)
    sums = np.array([[row[(row & 7) == k].sum() for k in range(8)] for row in x], np.int32)
    return Case("shared_counts", "shared_counts", [x, Out(sums)], (3, 1, 1), (128, 1, 1), shared_bytes=32)


def last_block() -> Case:
    x = _RANDOM.integers(-50, 50, (16, 32)).astype(np.int32)
    return Case(
        "last_block",
        "last_block",
        [
            x,
            Out(x.sum(1, dtype=np.int32)),
            Out(np.array([16], np.uint32), np.zeros(1, np.uint32)),
            Out(x.sum(dtype=np.int32).reshape(1)),
        ],
        (16, 1, 1),
    )


def pdl() -> Case:
    x = np.arange(32, dtype=np.int32)
    return Case("pdl", "pdl", [x, Out(x + 1)])


def cases() -> list[Case]:
    return [
        indices(),
        vectors(),
        wide(),
        *(predicated(size) for size in (1, 2, 4)),
        predicated_others(),
        row_reduce(),
        streaming(),
        shared_reverse(),
        named_barrier(),
        async_copy(),
        atomics(),
        shared_counts(),
        last_block(),
        pdl(),
    ]
