"""Elements narrower than a byte: several per byte, as in files, and one per byte, as in arrays.

The first element is in the lowest bits; the rest of the last byte is unused (ONNX's raw_data, and the blocks
of `com.microsoft`'s MatMulNBits).
"""

from __future__ import annotations

import math

import numpy as np

from ...dialects.core.dtypes import DType, from_numpy
from ...dialects.core.interpreter import Array


def packed_bytes(dtype: DType, count: int) -> int:
    """The bytes that hold COUNT elements of DTYPE without gaps."""
    return -(-count * dtype.bits // 8)


def unpacked(raw: bytes | memoryview | Array, dtype: DType, count: int) -> Array:
    """The first COUNT elements of DTYPE in RAW, bytes that hold at least as many, as an array of one axis."""
    given = np.frombuffer(raw, np.uint8)
    elements, size = _group(dtype)
    words = np.zeros(-(-given.size // size), np.uint32)
    for at in range(size):
        part = given[at::size].astype(np.uint32) << np.uint32(8 * at)
        words[: part.size] |= part
    codes = np.empty((words.size, elements), np.uint8)
    for at in range(elements):
        codes[:, at] = (words >> np.uint32(dtype.bits * at)) & np.uint32((1 << dtype.bits) - 1)
    return codes.reshape(-1)[:count].view(dtype.numpy)


def packed(array: Array) -> bytes:
    """The elements of ARRAY, of a type narrower than a byte, without gaps."""
    dtype = from_numpy(array.dtype)
    elements, size = _group(dtype)
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    codes = np.zeros((-(-flat.size // elements), elements), np.uint32)
    codes.reshape(-1)[: flat.size] = flat & ((1 << dtype.bits) - 1)
    words = np.zeros(len(codes), np.uint32)
    for at in range(elements):
        words |= codes[:, at] << np.uint32(dtype.bits * at)
    whole = np.stack([(words >> np.uint32(8 * at)).astype(np.uint8) for at in range(size)], axis=1)
    return whole.tobytes()[: packed_bytes(dtype, flat.size)]


def _group(dtype: DType) -> tuple[int, int]:
    """The fewest elements that fill whole bytes, and these bytes: 2 in 1, 4 in 1, or 4 in 3."""
    common = math.gcd(dtype.bits, 8)
    return 8 // common, dtype.bits // common
