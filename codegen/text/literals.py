"""Prints constants and element types as CUDA text."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from ...dialects.core.dtypes import BOOL, F8E4M3, F32, F64, DType

STORAGE_FLOATS = ("f16", "bf16", "f8e4m3", "f8e5m2")


def c_type(dtype: DType) -> str:
    """The name of DTYPE in glass.cuh."""
    return dtype.name


def compute_type(dtype: DType) -> DType:
    """The type of arithmetic on DTYPE: f32 for floats narrower than 32 bits, else DTYPE itself."""
    return F32 if dtype.name in STORAGE_FLOATS else dtype


def literal(value: float | int | bool, dtype: DType) -> str:
    """VALUE as a C literal of DTYPE: floats in hexadecimal, NaN and infinities as bit patterns."""
    if dtype == BOOL:
        return "true" if value else "false"
    if dtype.is_float:
        return _float_literal(value, dtype)
    return _int_literal(int(value), dtype)


def _float_literal(value: float, dtype: DType) -> str:
    # Not through a Python float: that would lose the payload of a NaN.
    with np.errstate(over="ignore"):
        array = np.array(value, dtype.numpy)
    bits = int.from_bytes(array.tobytes(), "little")
    if dtype not in (F32, F64):
        return f"{dtype.name}{{{bits:#x}}}"
    if not np.isfinite(array):
        return f"bit_cast<{dtype.name}>({bits:#x}{'u' if dtype == F32 else 'ull'})"
    mantissa, exponent = float(array).hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}" + ("f" if dtype == F32 else "")


def _int_literal(value: int, dtype: DType) -> str:
    if value == -(1 << 63):
        return "(-0x7fffffffffffffffll - 1)"
    suffix = {"i64": "ll", "u64": "ull", "u32": "u"}.get(dtype.name, "")
    text = f"{value}{suffix}"
    return f"{dtype.name}({text})" if dtype.bits < 32 else text


def lowest(dtype: DType) -> str:
    """The identity of a maximum over DTYPE, as a literal: its lowest value."""
    return _extreme(dtype, -math.inf)


def highest(dtype: DType) -> str:
    """The identity of a minimum over DTYPE, as a literal: its highest value."""
    return _extreme(dtype, math.inf)


def _extreme(dtype: DType, infinity: float) -> str:
    if dtype == BOOL:
        return literal(infinity > 0, dtype)
    if dtype == F8E4M3:  # it has no infinities
        return literal(math.copysign(float(ml_dtypes.finfo(dtype.numpy).max), infinity), dtype)
    if dtype.is_float:
        return literal(infinity, dtype)
    info = np.iinfo(dtype.numpy)
    return literal(int(info.max if infinity > 0 else info.min), dtype)
