"""Element types at a plan's boundary: name, size in bytes, numpy and DLPack equivalents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import InputError

# DLPack type codes (dlpack.h, DLDataTypeCode).
_INT, _UINT, _FLOAT, _BFLOAT, _BOOL = 0, 1, 2, 4, 6
_F8E4M3, _F8E4M3FNUZ, _F8E5M2, _F8E5M2FNUZ, _F8E8M0 = 10, 11, 12, 13, 14
_F6E2M3, _F6E3M2, _F4E2M1 = 15, 16, 17


@dataclass(frozen=True)
class ElementType:
    """One element type.

    `numpy` is its numpy name, `bits` that of the unsigned integer of the same size. `width` is the number of
    significant bits; the elements of a tensor take whole `bytes`.
    """

    name: str
    bytes: int
    numpy: str
    bits: str
    code: int
    narrow: int = 0

    @property
    def width(self) -> int:
        return self.narrow or self.bytes * 8


ELEMENT_TYPES: dict[str, ElementType] = {
    entry.name: entry
    for entry in (
        ElementType("f64", 8, "float64", "float64", _FLOAT),
        ElementType("f32", 4, "float32", "float32", _FLOAT),
        ElementType("f16", 2, "float16", "float16", _FLOAT),
        ElementType("bf16", 2, "bfloat16", "uint16", _BFLOAT),
        ElementType("f8e4m3", 1, "float8_e4m3fn", "uint8", _F8E4M3),
        ElementType("f8e5m2", 1, "float8_e5m2", "uint8", _F8E5M2),
        ElementType("f8e4m3fnuz", 1, "float8_e4m3fnuz", "uint8", _F8E4M3FNUZ),
        ElementType("f8e5m2fnuz", 1, "float8_e5m2fnuz", "uint8", _F8E5M2FNUZ),
        ElementType("f8e8m0", 1, "float8_e8m0fnu", "uint8", _F8E8M0),
        ElementType("f6e2m3", 1, "float6_e2m3fn", "uint8", _F6E2M3, 6),
        ElementType("f6e3m2", 1, "float6_e3m2fn", "uint8", _F6E3M2, 6),
        ElementType("f4e2m1", 1, "float4_e2m1fn", "uint8", _F4E2M1, 4),
        ElementType("i64", 8, "int64", "int64", _INT),
        ElementType("i32", 4, "int32", "int32", _INT),
        ElementType("i16", 2, "int16", "int16", _INT),
        ElementType("i8", 1, "int8", "int8", _INT),
        ElementType("i4", 1, "int4", "uint8", _INT, 4),
        ElementType("i2", 1, "int2", "uint8", _INT, 2),
        ElementType("u64", 8, "uint64", "uint64", _UINT),
        ElementType("u32", 4, "uint32", "uint32", _UINT),
        ElementType("u16", 2, "uint16", "uint16", _UINT),
        ElementType("u8", 1, "uint8", "uint8", _UINT),
        ElementType("u4", 1, "uint4", "uint8", _UINT, 4),
        ElementType("u2", 1, "uint2", "uint8", _UINT, 2),
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


@lru_cache(maxsize=64)
def element_name(code: int, bits: int, lanes: int) -> str:
    """The element type of a DLPack data type. Raises `InputError` if there is none.

    Types narrower than a byte have none: DLPack packs them, and here every element has a byte of its own.
    """
    for entry in ELEMENT_TYPES.values():
        if lanes == 1 and entry.code == code and entry.width == bits and not entry.narrow:
            return entry.name
    raise InputError(f"DLPack data type (code {code}, {bits} bits, {lanes} lanes) is not supported")
