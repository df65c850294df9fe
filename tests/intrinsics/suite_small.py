"""Cases for the formats of a byte and less that have no instructions: every pattern, and all middles."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from .cases import Array, Case, Out
from .suite_scalars import SPECIAL

_FLOATS = {
    ml_dtypes.float8_e4m3fnuz: 8,
    ml_dtypes.float8_e5m2fnuz: 8,
    ml_dtypes.float8_e8m0fnu: 8,
    ml_dtypes.float6_e2m3fn: 6,
    ml_dtypes.float6_e3m2fn: 6,
    ml_dtypes.float4_e2m1fn: 4,
}
_INTEGERS = {ml_dtypes.int4: 4, ml_dtypes.uint4: 4, ml_dtypes.int2: 2, ml_dtypes.uint2: 2}


def _numbers(kind: type, bits: int) -> Array:
    """256 elements: a byte each, of which the low BITS count."""
    return (np.arange(256) & ((1 << bits) - 1)).astype(np.uint8).view(kind)


def _given() -> Array:
    """Special values, and of each format its numbers, the middles between them and what lies beside both."""
    wide = np.concatenate([_numbers(*each).astype(np.float64) for each in _FLOATS.items()])
    exact = np.unique(wide[np.isfinite(wide)])
    exact = np.concatenate([exact, (exact[1:] + exact[:-1]) / 2]).astype(np.float32)
    return np.concatenate(
        [SPECIAL, exact, *(np.nextafter(exact, np.float32(end)) for end in (np.inf, -np.inf))]
    )


def _saturated(x: Array, kind: type, bits: int) -> Array:
    """Beyond the range the largest number; NaN is 0 where there is none."""
    largest = np.float32(ml_dtypes.finfo(kind).max)
    missing = np.float32(0 if bits < 8 else np.nan)
    return np.where(np.isnan(x), missing, np.clip(x, -largest, largest)).astype(kind)


def _powers(x: Array) -> Array:
    """The next power of two away from zero, within the range."""
    part, exponent = np.frexp(np.where(np.isfinite(x) & (x > 0), x, 1).astype(np.float64))
    power = np.where(x > 0, exponent - (part == 0.5), -127)
    power = np.where(np.isposinf(x), 127, np.clip(power, -127, 127))
    return np.where(np.isnan(x), 255, power + 127).astype(np.uint8).view(ml_dtypes.float8_e8m0fnu)


def _low_bits(x: Array, kind: type) -> Array:
    """Truncated to an i32, of which the low bits stay."""
    bounded = np.clip(np.nan_to_num(x.astype(np.float64), nan=0.0), -(2.0**31), 2.0**31 - 1)
    return np.trunc(bounded).astype(np.int32).astype(kind)


def narrow_small() -> Case:
    x = _given()
    with np.errstate(all="ignore"):
        floats = [
            _powers(x) if kind is ml_dtypes.float8_e8m0fnu else _saturated(x, kind, bits)
            for kind, bits in _FLOATS.items()
        ]
        outputs = [*floats, *(_low_bits(x, kind) for kind in _INTEGERS)]
    arguments = [x, *(Out(output) for output in outputs), x.size]
    return Case("narrow_small", "convert_small", arguments, grid=(-(-x.size // 256), 1, 1), block=(256, 1, 1))


def widen_small() -> Case:
    with np.errstate(all="ignore"):
        floats = [_numbers(*each).astype(np.float32) for each in _FLOATS.items()]
    integers = [_numbers(*each).astype(np.int32) for each in _INTEGERS.items()]
    outputs = [Out(output) for output in (*floats, *integers)]
    return Case("widen_small", "convert_small", outputs, block=(256, 1, 1))


def cases() -> list[Case]:
    return [narrow_small(), widen_small()]
