"""Cases for warp exchange, ldmatrix and mma."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from .cases import Argument, Array, Case, Out, within

_RANDOM = np.random.default_rng(2)


def warp_exchange() -> Case:
    x = _RANDOM.integers(-1000, 1000, (2, 32)).astype(np.int32)
    lane = np.arange(32)
    down = np.where(lane + 3 < 32, lane + 3, lane)
    votes = ((x % 3 == 0).astype(np.uint64) << lane.astype(np.uint64)).sum(1).astype(np.uint32).view(np.int32)
    rows = [
        x[:, lane ^ 5],
        x[:, down],
        x[:, lane * 0 + 7],
        x[:, lane * 3 & 31],
        np.repeat(votes[:, None], 32, 1),
    ]
    wide = (x * 1e-3)[:, lane ^ 1]
    y = np.stack([row.reshape(64) for row in rows]).astype(np.int32)
    return Case("warp_exchange", "warp_exchange", [x, Out(y), Out(wide.reshape(64))], block=(64, 1, 1))


def _butterfly(x: Array) -> Array:
    for mask in (16, 8, 4, 2, 1):
        x = x + x[:, np.arange(32) ^ mask]
    return x


def warp_reduce() -> Case:
    x = _RANDOM.standard_normal((2, 32)).astype(np.float32)
    x[1, 5] = np.nan
    rows = [_butterfly(x), np.repeat(x.max(1)[:, None], 32, 1), np.repeat(x.min(1)[:, None], 32, 1)]
    totals = np.repeat(np.arange(64).reshape(2, 32).sum(1), 32).astype(np.int32)
    return Case(
        "warp_reduce_all",
        "warp_reduce",
        [x, Out(np.stack([row.reshape(64) for row in rows])), Out(totals)],
        block=(64, 1, 1),
    )


def sync_warp() -> Case:
    lanes = np.arange(64).reshape(2, 32)
    doubled = np.roll(lanes, -1, 1) * 2
    return Case(
        "sync_warp_rotate",
        "sync_warp",
        [Out(np.roll(doubled, 1, 1).reshape(64).astype(np.int32))],
        block=(64, 1, 1),
        shared_bytes=256,
    )


def ldmatrix() -> Case:
    x = _RANDOM.integers(0, 65536, (4, 8, 8)).astype(np.uint16)
    plain = x.view(np.uint32).reshape(4, 32)
    turned = x.transpose(0, 2, 1).copy().view(np.uint32).reshape(4, 32)
    words = np.concatenate([plain, turned, plain[:2], turned[:2]])
    return Case("ldmatrix_all", "ldmatrix", [x.reshape(-1), Out(words.T.copy())], shared_bytes=512)


def mma_float(kernel: str, dtype: type, depth: int) -> Case:
    a: Array = _RANDOM.standard_normal((16, depth)).astype(np.float32).astype(dtype)
    b: Array = _RANDOM.standard_normal((8, depth)).astype(np.float32).astype(dtype)
    c = _RANDOM.standard_normal((16, 8)).astype(np.float32)
    used = [array.astype(np.float64) for array in (a, b)]
    if dtype is np.float32:  # tf32: the multiplier does not see the low 13 bits
        used = [(array.view(np.uint32) & 0xFFFFE000).view(np.float32).astype(np.float64) for array in (a, b)]
    expected = (used[0] @ used[1].T + c).astype(np.float32)
    magnitude = float((np.abs(used[0]) @ np.abs(used[1]).T + np.abs(c)).max())
    # The tensor core truncates where it aligns products to the largest one.
    bound = within(0, magnitude * (depth + 1) * 2.0**-23)
    return Case(kernel, "mma", [a.view(np.uint32), b.view(np.uint32), c, Out(expected, check=bound)])


def mma_integer(a_type: type, b_type: type) -> Case:
    names = {np.int8: "s8", np.uint8: "u8"}
    a = _RANDOM.integers(*_range(a_type), (16, 32)).astype(a_type)
    b = _RANDOM.integers(*_range(b_type), (8, 32)).astype(b_type)
    c = _RANDOM.integers(-1000, 1000, (16, 8)).astype(np.int32)
    expected = (a.astype(np.int32) @ b.astype(np.int32).T + c).astype(np.int32)
    kernel = f"mma_{names[a_type]}_{names[b_type]}"
    return Case(kernel, "mma", [a.view(np.uint32), b.view(np.uint32), c, Out(expected)])


def _range(dtype: type) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max) + 1


def mma_bytes(a_type: str, b_type: str) -> Case:
    """Tensor cores keep about 13 bits of the largest product where they add 8-bit floats up."""
    types = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}
    pairs = ((16, a_type), (8, b_type))
    a, b = (_RANDOM.standard_normal((lines, 32)).astype(types[name]) for lines, name in pairs)
    c = _RANDOM.standard_normal((16, 8)).astype(np.float32)
    used = [array.astype(np.float64) for array in (a, b)]
    expected = (used[0] @ used[1].T + c).astype(np.float32)
    largest = float((np.abs(used[0])[:, None] * np.abs(used[1])[None]).max())
    bound = within(0, 33 * largest * 2.0**-13)
    arguments: list[Argument] = [a.view(np.uint32), b.view(np.uint32), c, Out(expected, check=bound)]
    kernel = "_".join(("mma", *dict.fromkeys((a_type, b_type))))
    return Case(kernel, "mma", arguments, minimum=89)


def cases() -> list[Case]:
    return [
        warp_exchange(),
        warp_reduce(),
        sync_warp(),
        ldmatrix(),
        mma_float("mma_f16", np.float16, 16),
        mma_float("mma_bf16", ml_dtypes.bfloat16, 16),
        mma_float("mma_tf32", np.float32, 8),
        *(mma_integer(a, b) for a in (np.int8, np.uint8) for b in (np.int8, np.uint8)),
        *(mma_bytes(a, b) for a in ("e4m3", "e5m2") for b in ("e4m3", "e5m2")),
    ]
