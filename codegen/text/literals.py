"""Prints constants and element types as CUDA text."""

from __future__ import annotations

import numpy as np

from ...dialects.core.dtypes import BOOL, F32, F64, DType
from ...dialects.graph.numeric import compute_dtype


def c_type(dtype: DType) -> str:
    """The name of DTYPE in glass.cuh."""
    return dtype.name


def computed(text: str, dtype: DType) -> str:
    """TEXT, an expression of type DTYPE, converted to the type in which DTYPE is computed."""
    wide = compute_dtype(dtype)
    return text if wide == dtype else f"convert<{c_type(wide)}>({text})"


def stored(text: str, dtype: DType) -> str:
    """TEXT, in the type of arithmetic on DTYPE, as DTYPE."""
    return text if compute_dtype(dtype) == dtype else f"convert<{c_type(dtype)}>({text})"


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
    if dtype.is_packable:
        return f"{dtype.name}{{{value & (1 << dtype.bits) - 1:#x}}}"
    suffix = {"i64": "ll", "u64": "ull", "u32": "u"}.get(dtype.name, "")
    text = f"{value}{suffix}"
    return f"{dtype.name}({text})" if dtype.bits < 32 else text


def lowest(dtype: DType) -> str:
    """The identity of a maximum over DTYPE, as a literal: its lowest value."""
    return literal(dtype.limits[0], dtype)


def highest(dtype: DType) -> str:
    """The identity of a minimum over DTYPE, as a literal: its highest value."""
    return literal(dtype.limits[1], dtype)
