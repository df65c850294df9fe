"""Element types at a plan's boundary: name, size in bytes, numpy and DLPack equivalents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError

# DLPack type codes (dlpack.h, DLDataTypeCode).
_INT, _UINT, _FLOAT, _BFLOAT, _BOOL = 0, 1, 2, 4, 6
_F8E4M3, _F8E5M2 = 10, 12


@dataclass(frozen=True)
class ElementType:
    """One element type. `numpy` is its numpy name, `bits` that of the unsigned integer of the same size."""

    name: str
    bytes: int
    numpy: str
    bits: str
    code: int


ELEMENT_TYPES: dict[str, ElementType] = {
    entry.name: entry
    for entry in (
        ElementType("f64", 8, "float64", "float64", _FLOAT),
        ElementType("f32", 4, "float32", "float32", _FLOAT),
        ElementType("f16", 2, "float16", "float16", _FLOAT),
        ElementType("bf16", 2, "bfloat16", "uint16", _BFLOAT),
        ElementType("f8e4m3", 1, "float8_e4m3fn", "uint8", _F8E4M3),
        ElementType("f8e5m2", 1, "float8_e5m2", "uint8", _F8E5M2),
        ElementType("i64", 8, "int64", "int64", _INT),
        ElementType("i32", 4, "int32", "int32", _INT),
        ElementType("i16", 2, "int16", "int16", _INT),
        ElementType("i8", 1, "int8", "int8", _INT),
        ElementType("u64", 8, "uint64", "uint64", _UINT),
        ElementType("u32", 4, "uint32", "uint32", _UINT),
        ElementType("u16", 2, "uint16", "uint16", _UINT),
        ElementType("u8", 1, "uint8", "uint8", _UINT),
        ElementType("bool", 1, "bool", "bool", _BOOL),
    )
}


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy dtype of the element type NAME.

    numpy itself has no bfloat16 or float8. If a package that registers them (ml_dtypes) has been imported its
    types are used; otherwise the raw bits as unsigned integers.
    """
    entry = ELEMENT_TYPES[name]
    try:
        return np.dtype(entry.numpy)
    except TypeError:
        return np.dtype(entry.bits)


def element_name(code: int, bits: int, lanes: int) -> str:
    """The element type of a DLPack data type. Raises `InputError` if there is none."""
    for entry in ELEMENT_TYPES.values():
        if lanes == 1 and entry.code == code and entry.bytes * 8 == bits:
            return entry.name
    raise InputError(f"DLPack data type (code {code}, {bits} bits, {lanes} lanes) is not supported")
