"""Numpy arithmetic that the op families share: widening, conversions, integer rules and erf.

Storage-only floats (f16, bf16, f8) are computed in f32 and rounded once, to the result.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..core.dtypes import BOOL, F32, TF32, DType, from_numpy

Array = np.ndarray[Any, Any]

ERF_STEPS = 32  # table nodes per unit, so that the nearest is at most 1/64 away
ERF_END = 6  # erf rounds to 1 in f64 from here on
ERF_TERMS = 9
ERF_BLOCK = 1 << 13  # elements per block, so that its temporaries stay in cache


def compute_dtype(dtype: DType) -> DType:
    """The type of arithmetic on DTYPE: at least f32 for floats."""
    return F32 if dtype.is_float and dtype.bits < 32 else dtype


def widened(array: Any) -> Array:
    """ARRAY converted to the type of its arithmetic."""
    given: Array = np.asarray(array)
    return given.astype(compute_dtype(from_numpy(given.dtype)).numpy, copy=False)


def converted(array: Any, dtype: DType) -> Array:
    """ARRAY as DTYPE: floats round to nearest even, float to integer truncates and saturates (NaN
    gives 0), integers wrap, f8 saturates, anything to bool is x != 0 (ONNX Cast)."""
    given: Array = np.asarray(array)
    source = from_numpy(given.dtype)
    if source == dtype:
        return given
    with np.errstate(all="ignore"):
        if dtype == BOOL:
            return np.asarray(widened(given) != 0)
        if source.is_float and dtype.is_integer:
            return _float_to_integer(widened(given), dtype)
        if dtype.is_float and dtype.bits == 8:
            return _to_f8(given, dtype)
        return given.astype(dtype.numpy)


def multiplied(array: Any, multiply: DType | None) -> Array:
    """ARRAY rounded for a contraction: f32 to tf32, to nearest with ties away from zero (PTX
    cvt.rna.tf32.f32), if MULTIPLY says so; else unchanged."""
    given: Array = np.asarray(array)
    if multiply != TF32:
        return given
    bits = np.ascontiguousarray(given).view(np.uint32)
    rounded = ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.where(np.isfinite(given), rounded, given)


def _float_to_integer(array: Array, dtype: DType) -> Array:
    limits = np.iinfo(dtype.numpy)
    above = array.dtype.type(2.0) ** (dtype.bits - (dtype.kind == "signed"))
    inside = (array < above) & (array > float(limits.min))
    result = np.where(inside, array, 0).astype(dtype.numpy)
    result[array >= above] = limits.max
    result[array <= float(limits.min)] = limits.min
    return result


def _to_f8(array: Array, dtype: DType) -> Array:
    """Round to f8, saturating: values beyond the largest finite one, and infinities, become that (ONNX Cast,
    saturate=1)."""
    largest = 448.0 if dtype.name == "f8e4m3" else 57344.0
    return np.asarray(np.clip(array.astype(np.float32), -largest, largest).astype(dtype.numpy))


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
