"""Element types: names in IR text, sizes and numpy equivalents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np


@dataclass(frozen=True, slots=True)
class DType:
    """An element type. `kind` is one of 'float', 'signed', 'unsigned', 'bool'."""

    name: str
    kind: str
    bits: int

    @property
    def bytes(self) -> int:
        return self.bits // 8

    @property
    def is_float(self) -> bool:
        return self.kind == "float"

    @property
    def is_integer(self) -> bool:
        return self.kind in ("signed", "unsigned")

    @property
    def numpy(self) -> np.dtype[Any]:
        return _NUMPY[self.name]

    def __str__(self) -> str:
        return self.name


F64 = DType("f64", "float", 64)
F32 = DType("f32", "float", 32)
F16 = DType("f16", "float", 16)
BF16 = DType("bf16", "float", 16)
F8E4M3 = DType("f8e4m3", "float", 8)
F8E5M2 = DType("f8e5m2", "float", 8)
I64 = DType("i64", "signed", 64)
I32 = DType("i32", "signed", 32)
I16 = DType("i16", "signed", 16)
I8 = DType("i8", "signed", 8)
U64 = DType("u64", "unsigned", 64)
U32 = DType("u32", "unsigned", 32)
U16 = DType("u16", "unsigned", 16)
U8 = DType("u8", "unsigned", 8)
BOOL = DType("bool", "bool", 8)

_NUMPY: dict[str, np.dtype[Any]] = {
    "f64": np.dtype(np.float64),
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f8e4m3": np.dtype(ml_dtypes.float8_e4m3fn),
    "f8e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "i64": np.dtype(np.int64),
    "i32": np.dtype(np.int32),
    "i16": np.dtype(np.int16),
    "i8": np.dtype(np.int8),
    "u64": np.dtype(np.uint64),
    "u32": np.dtype(np.uint32),
    "u16": np.dtype(np.uint16),
    "u8": np.dtype(np.uint8),
    "bool": np.dtype(np.bool_),
}

DTYPES: dict[str, DType] = {
    dtype.name: dtype
    for dtype in (F64, F32, F16, BF16, F8E4M3, F8E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL)
}

# A format for f32 operands of a contraction, rounded to 10 explicit mantissa bits. Never a storage type.
TF32 = DType("tf32", "float", 32)

FORMATS: dict[str, DType] = DTYPES | {TF32.name: TF32}  # every format that arithmetic may be done in

_FROM_NUMPY = {numpy: DTYPES[name] for name, numpy in _NUMPY.items()}


def from_numpy(dtype: Any) -> DType:
    """The DType of a numpy dtype. Raises KeyError if there is none."""
    return _FROM_NUMPY[np.dtype(dtype)]
