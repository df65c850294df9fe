"""Cases for arithmetic on bytes: sums of four products, bytes in words, and quotients rounded to bytes."""

from __future__ import annotations

from fractions import Fraction

import ml_dtypes
import numpy as np

from .cases import Array, Case, Out
from .suite_scalars import to_bytes

_RANDOM = np.random.default_rng(11)
_BLOCK = 64
_WORDS = 1024


def _case(name: str, threads: int, *arguments: object) -> Case:
    return Case(name, "bytes", list(arguments), grid=(threads // _BLOCK, 1, 1), block=(_BLOCK, 1, 1))


def dots(x: type, y: type) -> Case:
    """Sums that wrap, beside those of the ends of both ranges."""
    name = f"dots_{'u' if x is np.uint8 else 'i'}8_{'u' if y is np.uint8 else 'i'}8"
    one, other = (_RANDOM.integers(0, 2**32, _WORDS, dtype=np.uint32) for _ in range(2))
    one[:4], other[:4] = (0x80808080, 0x80808080, 0xFFFFFFFF, 0x7F7F7F7F), (0x80808080, 0x7F7F7F7F) * 2
    sums = _RANDOM.integers(-(2**31), 2**31, _WORDS).astype(np.int32)
    sums[0] = 2**31 - 1
    products = one.view(x).astype(np.int64) * other.view(y).astype(np.int64)
    expected = (products.reshape(-1, 4).sum(axis=1) + sums).astype(np.int32)
    return _case(name, _WORDS, one, other, sums, Out(expected))


def transposed(elements: int) -> Case:
    x = _RANDOM.integers(0, 256, (_BLOCK, 4, elements)).astype(np.uint8)
    words = np.ascontiguousarray(x.transpose(0, 2, 1)).view(np.uint32)
    return _case(f"transposed_{elements}", _BLOCK, x.reshape(-1), Out(words.reshape(-1)))


def _parts(divisor: np.float32) -> tuple[np.float32, np.float32]:
    """The reciprocal as the sum of two floats of one sign."""
    exact = 1 / Fraction(float(divisor))
    high = np.float32(float(exact))
    if Fraction(float(high)) > exact:
        high = np.nextafter(high, np.float32(0))
    return high, np.float32(float(exact - Fraction(float(high))))


def quotients() -> Case:
    """Dividends in the middles of integers and beside them, far outside and special, by several divisors."""
    found: list[tuple[Array, float]] = []
    special = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 3e38, -3e38, 1e-44], np.float32)
    middles = np.arange(-300, 300, dtype=np.float32) + np.float32(0.5)
    for divisor in (0.0356088, 3.0, 1 / 127, 0.1, 1e-20):
        beside = (middles * np.float32(divisor)).view(np.int32)
        places = [(beside + step).view(np.float32) for step in (-1, 0, 1)]
        found.append((np.concatenate([special, *places]), divisor))
    count = sum(x.size for x, _ in found)
    x, y, high, low = (np.ones(count + -count % _BLOCK, np.float32) for _ in range(4))
    start = 0
    for dividends, divisor in found:
        own = slice(start, start + dividends.size)
        x[own], y[own] = dividends, divisor
        high[own], low[own] = _parts(np.float32(divisor))
        start += dividends.size
    low[start:] = 0
    with np.errstate(over="ignore"):
        ratio = x / y
    outputs = [Out(to_bytes(ratio, dtype)) for dtype in (np.int8, np.uint8)]
    return _case("quotients", x.size, x, y, high, low, *outputs)


def halves(name: str, dtype: type) -> Case:
    """All bytes that are numbers of DTYPE, in another order, as f16."""
    every = _RANDOM.permutation(np.tile(np.arange(256, dtype=np.uint8), 8))
    every = np.where(np.isfinite(every.view(dtype).astype(np.float32)), every, np.uint8(0))
    expected = every.view(dtype).astype(np.float16).view(np.uint32)
    return _case(name, every.size // 8, every.view(np.uint32), Out(expected))


def cases() -> list[Case]:
    signs = (np.int8, np.uint8)
    widened = (halves("halves_of_i8", np.int8), halves("halves_of_f8e4m3", ml_dtypes.float8_e4m3fn))
    return [*(dots(x, y) for x in signs for y in signs), transposed(4), transposed(16), quotients(), *widened]
