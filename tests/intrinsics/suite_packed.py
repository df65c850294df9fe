"""Cases for extremes of packed elements: all pairs of bytes, and halves with every special value."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from .cases import Array, Case, Out

_RANDOM = np.random.default_rng(9)
_BLOCK = 64


def _extreme(x: Array, y: Array, larger: bool) -> Array:
    """np.maximum or np.minimum; of two zeros the positive one is the larger."""
    with np.errstate(invalid="ignore"):
        chosen: Array = np.maximum(x, y) if larger else np.minimum(x, y)
    if chosen.dtype.kind in "iu":
        return chosen
    negative = np.signbit(x) & np.signbit(y) if larger else np.signbit(x) | np.signbit(y)
    zero = np.where(negative, np.float32(-0.0), np.float32(0.0)).astype(chosen.dtype)
    with np.errstate(invalid="ignore"):  # NaN is equal to nothing
        return np.where((x == 0) & (y == 0), zero, chosen)


def packed(name: str, elements: int, x: Array, y: Array) -> Case:
    """The kernel NAME, whose threads take ELEMENTS each, on as much of X and Y as fills its blocks."""
    whole = x.size - x.size % (elements * _BLOCK)
    x, y = x[:whole], y[:whole]
    first = np.repeat(x[::elements], elements)
    expected = [_extreme(x, y, larger=True), _extreme(x, y, larger=False), first]
    arguments = [x, y, *(Out(output) for output in expected)]
    return Case(name, "packed", arguments, grid=(whole // (elements * _BLOCK), 1, 1), block=(_BLOCK, 1, 1))


def _byte_pairs(dtype: type) -> tuple[Array, Array]:
    every = np.arange(256, dtype=np.uint8).view(dtype)
    return np.repeat(every, 256), np.tile(every, 256)


def _halves(dtype: type) -> tuple[Array, Array]:
    patterns = np.concatenate([np.arange(65536, dtype=np.uint16), np.array([0, 0x8000] * 512, np.uint16)])
    return patterns.view(dtype), _RANDOM.permutation(patterns).view(dtype)


def spoiled(name: str, dtype: type) -> Case:
    """Words of which some have a half that is not finite."""
    halves, _ = _halves(dtype)
    words = np.concatenate([halves.view(np.uint16), _RANDOM.permutation(halves.view(np.uint16))]).view(
        np.uint32
    )
    finite = np.isfinite(words.view(dtype).astype(np.float32)).reshape(-1, 2).all(axis=1)
    expected = (~finite).astype(np.uint32)
    arguments = [words, Out(expected), Out(expected.copy())]
    return Case(name, "packed", arguments, grid=(words.size // _BLOCK, 1, 1), block=(_BLOCK, 1, 1))


def cases() -> list[Case]:
    return [
        packed("packed_i8", 16, *_byte_pairs(np.int8)),
        packed("packed_u8", 4, *_byte_pairs(np.uint8)),
        packed("packed_f16", 8, *_halves(np.float16)),
        packed("packed_bf16", 2, *_halves(ml_dtypes.bfloat16)),
        spoiled("spoiled_f16", np.float16),
        spoiled("spoiled_bf16", ml_dtypes.bfloat16),
    ]
