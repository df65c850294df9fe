"""Numpy arithmetic that the op families share: widening, conversions, integer rules and erf.

Storage-only types are computed wider and rounded once, to the result: floats of less than 32 bits in f32,
integers of less than 8 in i8 or u8.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import ml_dtypes
import numpy as np

from ..core.dtypes import BOOL, F8E8M0, F32, I8, I32, TF32, U8, DType, from_numpy

Array = np.ndarray[Any, Any]

ERF_STEPS = 32  # table nodes per unit, so that the nearest is at most 1/64 away
ERF_END = 6  # erf rounds to 1 in f64 from here on
ERF_TERMS = 9
LARGE = 1 << 10  # an exponent that no number has
ERF_BLOCK = 1 << 13  # elements per block, so that its temporaries stay in cache


def compute_dtype(dtype: DType) -> DType:
    """The type of arithmetic on DTYPE: at least f32 for floats, at least a byte for integers."""
    if dtype.is_packable and dtype.is_integer:
        return I8 if dtype.kind == "signed" else U8
    return F32 if dtype.is_float and dtype.bits < 32 else dtype


def widened(array: Any) -> Array:
    """ARRAY converted to the type of its arithmetic."""
    given: Array = np.asarray(array)
    return given.astype(compute_dtype(from_numpy(given.dtype)).numpy, copy=False)


def converted(array: Any, dtype: DType, *, saturate: bool = True, round_mode: str = "up") -> Array:
    """ARRAY as DTYPE: floats round to nearest even, float to integer truncates and saturates (NaN
    gives 0), integers wrap, anything to bool is x != 0 (ONNX Cast).

    Floats of 8 bits and less saturate, those of 8 bits only if they are to SATURATE. ROUND_MODE is that of
    powers of two. Floats become integers of less than a byte as i32 do, which wrap.
    """
    given: Array = np.asarray(array)
    source = from_numpy(given.dtype)
    if source == dtype:
        return given
    with np.errstate(all="ignore"):
        wide = widened(given)
        if dtype == BOOL:
            return np.asarray(wide != 0)
        if source.is_float and dtype.is_integer:
            return _float_to_integer(wide, dtype)
        if dtype == F8E8M0:
            return power_of_two(wide, saturate, round_mode)
        if dtype.is_float and dtype.bits <= 8:
            return _to_small_float(wide, dtype, saturate)
        return wide.astype(dtype.numpy)


def multiplied(array: Any, multiply: DType | None) -> Array:
    """ARRAY rounded for a contraction: f32 to tf32, to nearest with ties to even, if MULTIPLY says so; else
    unchanged."""
    given: Array = np.asarray(array)
    if multiply != TF32:
        return given
    bits = np.ascontiguousarray(given).view(np.uint32)
    half = np.uint32(0xFFF) + (bits >> np.uint32(13) & np.uint32(1))
    rounded = ((bits + half) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.where(np.isfinite(given), rounded, given)


def _float_to_integer(array: Array, dtype: DType) -> Array:
    if dtype.is_packable:
        return _float_to_integer(array, I32).astype(dtype.numpy)
    least, most = map(int, dtype.limits)
    above = array.dtype.type(most + 1)
    inside = (array < above) & (array > float(least))
    result = np.where(inside, array, 0).astype(dtype.numpy)
    result[array >= above] = most
    result[array <= float(least)] = least
    return result


def _to_small_float(array: Array, dtype: DType, saturate: bool) -> Array:
    """Round to a float of 8 bits or less. Values beyond the largest finite one, and infinities, become that,
    or with SATURATE off, of 8 bits, infinity or else NaN (ONNX Cast). NaN becomes 0 where there is none."""
    single = array.astype(np.float32)
    if dtype.is_packable:
        single = np.where(np.isnan(single), np.float32(0), single)
    if saturate or dtype.is_packable:
        largest = float(ml_dtypes.finfo(dtype.numpy).max)
        single = np.clip(single, -largest, largest)
    return np.asarray(single.astype(dtype.numpy))


def power_of_two(array: Array, saturate: bool, round_mode: str) -> Array:
    """Round to f8e8m0: to the next power of two away from zero ('up'), toward it ('down') or to the nearest,
    the larger of two ('nearest').

    Values below the range, negative ones too, become its minimum, values above it its maximum; with SATURATE
    off both become NaN (ONNX Cast).
    """
    single = np.asarray(array, np.float32)
    part, exponent = np.frexp(np.where(single > 0, single, np.float32(1)))
    rest = {"up": part > 0.5, "down": np.zeros(part.shape, np.bool_), "nearest": part >= 0.75}[round_mode]
    power = np.where(single > 0, exponent - 1 + rest, -LARGE)
    power = np.where(np.isposinf(single), LARGE, power)
    inside = np.isnan(single) | (np.abs(power) <= 127)
    code = np.where(np.isnan(single) | ~(inside | saturate), 255, np.clip(power, -127, 127) + 127)
    return np.asarray(code).astype(np.uint8).view(F8E8M0.numpy)


def divide(x: Array, y: Array) -> Array:
    """x / y; integers truncate toward zero and give 0 for a zero divisor (ONNX Div)."""
    if x.dtype.kind == "f":
        return np.asarray(x / y)
    quotient = x // np.where(y == 0, 1, y)
    inexact = (quotient * y != x) & ((x < 0) != (y < 0))
    return np.asarray(np.where(y == 0, 0, quotient + inexact).astype(x.dtype))


def power(x: Array, y: Array) -> Array:
    """x ** y; a negative integer exponent truncates the true value toward zero, 0 ** -n is 0."""
    if x.dtype.kind == "f":
        # For an array of one exponent 0.5 numpy uses a square root, which differs from pow at -inf.
        shape = np.broadcast_shapes(x.shape, y.shape)
        exponents = np.broadcast_to(y, shape).reshape(-1).copy()
        return np.asarray(np.power(np.broadcast_to(x, shape).reshape(-1), exponents)).reshape(shape)
    raised = np.power(x, np.where(y < 0, 0, y))
    small = np.where(x == 1, 1, np.where((x < 0) & (np.abs(x) == 1), 1 - 2 * (y & 1), 0))
    return np.asarray(np.where(y < 0, small, raised).astype(x.dtype))


def shift(x: Array, y: Array, *, left: bool) -> Array:
    """x shifted by y bits; counts outside 0..width-1 give 0, to the right 0 or -1 by the sign of x."""
    inside = (y >= 0) & (y < x.dtype.itemsize * 8)
    count = np.where(inside, y, 0).astype(x.dtype)
    shifted = np.left_shift(x, count) if left else np.right_shift(x, count)
    rest = 0 if left else np.where(x < 0, -1, 0).astype(x.dtype)
    return np.asarray(np.where(inside, shifted, rest).astype(x.dtype))


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), accurate in both tails."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, small, 1) / (1 + small))


def softplus(x: Array) -> Array:
    """log(1 + exp(x)) without overflow."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def erf(x: Array) -> Array:
    """The error function, accurate to a few ulp of f64, returned in the type of X."""
    flat = np.ascontiguousarray(x).reshape(-1)
    result = np.empty_like(flat)
    for start in range(0, flat.size, ERF_BLOCK):
        block = slice(start, start + ERF_BLOCK)
        result[block] = _erf_block(flat[block].astype(np.float64))
    return result.reshape(x.shape)


def _erf_block(x: Array) -> Array:
    """The Taylor series around the nearest node of a table."""
    size = np.fmin(np.abs(x), ERF_END)
    node = np.rint(size * ERF_STEPS).astype(np.intp)
    offset = size - node / ERF_STEPS
    terms = _erf_terms()
    value = terms[-1][node]
    for term in terms[-2::-1]:
        value *= offset
        value += term[node]
    return np.asarray(np.where(np.isnan(x), x, np.copysign(value, x)))


@functools.cache
def _erf_terms() -> Array:
    """Taylor coefficients of erf at each node, [terms, nodes].

    With f' = 2/sqrt(pi) * exp(-x*x), higher derivatives follow by differentiating f'' = -2x f'.
    """
    nodes = np.arange(ERF_END * ERF_STEPS + 1) / ERF_STEPS
    terms = np.zeros((ERF_TERMS, nodes.size))
    terms[0] = [math.erf(node) for node in nodes]
    terms[1] = 2 / math.sqrt(math.pi) * np.exp(-nodes * nodes)
    terms[2] = -nodes * terms[1]
    for k in range(1, ERF_TERMS - 2):
        terms[k + 2] = (-2 * nodes * terms[k + 1] - 2 * k / (k + 1) * terms[k]) / (k + 2)
    return terms
