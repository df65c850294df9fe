"""Element types: names in IR text, sizes and numpy equivalents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np


@dataclass(frozen=True, slots=True)
class DType:
    """An element type. `kind` is one of 'float', 'signed', 'unsigned', 'bool'.

    `bits` is its width; in memory an element takes whole `bytes`, of which the low bits count.
    """

    name: str
    kind: str
    bits: int

    def __hash__(self) -> int:
        return hash(self.name)  # which is unique; most caches ask

    @property
    def bytes(self) -> int:
        return -(-self.bits // 8)

    @property
    def is_float(self) -> bool:
        return self.kind == "float"

    @property
    def is_integer(self) -> bool:
        return self.kind in ("signed", "unsigned")

    @property
    def is_packable(self) -> bool:
        """True for a type narrower than a byte, of which a file holds several in one."""
        return self.bits < 8

    @property
    def limits(self) -> tuple[float, float] | tuple[int, int]:
        """The smallest and the largest number; infinities for floats that have them (more than 8 bits, and
        f8e5m2).

        They are the identities of maximum and minimum.
        """
        if not self.is_float:
            least = -(1 << (self.bits - 1)) if self.kind == "signed" else 0
            return least, least + (1 if self.kind == "bool" else (1 << self.bits) - 1)
        if self.bits > 8 or self == F8E5M2:
            return -math.inf, math.inf
        finite = ml_dtypes.finfo(self.numpy)
        return float(finite.min), float(finite.max)

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
F8E4M3FNUZ = DType("f8e4m3fnuz", "float", 8)
F8E5M2FNUZ = DType("f8e5m2fnuz", "float", 8)
F8E8M0 = DType("f8e8m0", "float", 8)
F6E2M3 = DType("f6e2m3", "float", 6)
F6E3M2 = DType("f6e3m2", "float", 6)
F4E2M1 = DType("f4e2m1", "float", 4)
I64 = DType("i64", "signed", 64)
I32 = DType("i32", "signed", 32)
I16 = DType("i16", "signed", 16)
I8 = DType("i8", "signed", 8)
I4 = DType("i4", "signed", 4)
I2 = DType("i2", "signed", 2)
U64 = DType("u64", "unsigned", 64)
U32 = DType("u32", "unsigned", 32)
U16 = DType("u16", "unsigned", 16)
U8 = DType("u8", "unsigned", 8)
U4 = DType("u4", "unsigned", 4)
U2 = DType("u2", "unsigned", 2)
BOOL = DType("bool", "bool", 8)

_NUMPY: dict[str, np.dtype[Any]] = {
    "f64": np.dtype(np.float64),
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f8e4m3": np.dtype(ml_dtypes.float8_e4m3fn),
    "f8e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "f8e4m3fnuz": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "f8e5m2fnuz": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "f8e8m0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "f6e2m3": np.dtype(ml_dtypes.float6_e2m3fn),
    "f6e3m2": np.dtype(ml_dtypes.float6_e3m2fn),
    "f4e2m1": np.dtype(ml_dtypes.float4_e2m1fn),
    "i64": np.dtype(np.int64),
    "i32": np.dtype(np.int32),
    "i16": np.dtype(np.int16),
    "i8": np.dtype(np.int8),
    "i4": np.dtype(ml_dtypes.int4),
    "i2": np.dtype(ml_dtypes.int2),
    "u64": np.dtype(np.uint64),
    "u32": np.dtype(np.uint32),
    "u16": np.dtype(np.uint16),
    "u8": np.dtype(np.uint8),
    "u4": np.dtype(ml_dtypes.uint4),
    "u2": np.dtype(ml_dtypes.uint2),
    "bool": np.dtype(np.bool_),
}

FLOATS8 = (
    F8E4M3,
    F8E5M2,
    F8E4M3FNUZ,
    F8E5M2FNUZ,
)  # ONNX's float 8 types, with `saturate`
EIGHT_BIT_FLOATS = (F8E4M3, F8E5M2)  # those that GPUs convert, and multiply in any combination
FLOATS6 = (F6E2M3, F6E3M2)
INTEGERS4 = (I4, U4, I2, U2)  # of 4 bits at most

DTYPES: dict[str, DType] = {
    dtype.name: dtype
    for dtype in (
        *(F64, F32, F16, BF16, *FLOATS8, F8E8M0, *FLOATS6, F4E2M1),
        *(I64, I32, I16, I8, I4, I2),
        *(U64, U32, U16, U8, U4, U2),
        BOOL,
    )
}

# A format for f32 operands of a contraction, rounded to 10 explicit mantissa bits. Never a storage type.
TF32 = DType("tf32", "float", 32)

FORMATS: dict[str, DType] = DTYPES | {TF32.name: TF32}  # every format that arithmetic may be done in

_FROM_NUMPY = {numpy: DTYPES[name] for name, numpy in _NUMPY.items()}


def from_numpy(dtype: Any) -> DType:
    """The DType of a numpy dtype. Raises KeyError if there is none."""
    return _FROM_NUMPY[np.dtype(dtype)]
