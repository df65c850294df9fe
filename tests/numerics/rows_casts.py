"""Rows on conversions: out of range, rounding, quantization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
from onnx import TensorProto

from ..models import Array
from .row import BF16, E4M3, E5M2, INF, NAN, Row, element_type, f32, i32, i64, row, scalar

BIG = 3e38
_WIDE = (NAN, INF, -INF, 1e10, -1e10, 3e38, -1.75, 300.75, -300.75)
_INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


def _saturated(kind: str) -> Array:
    """Cut off toward zero, within the type; NaN is 0."""
    limits = np.iinfo(kind)
    wide = [0 if np.isnan(x) else x for x in map(float, f32(*_WIDE))]
    bounded = [limits.max if x >= limits.max else limits.min if x <= limits.min else int(x) for x in wide]
    return np.array(bounded, kind)


def _wrapped(kind: str) -> Array:
    """The low bits."""
    bits, signed = np.iinfo(kind).bits, kind.startswith("i")
    low = [value % (1 << bits) for value in _LONG]
    return np.array([v - (1 << bits) if signed and v >> (bits - 1) else v for v in low], kind)


_LONG = (300, -1, 65543, (1 << 40) + 5, -(1 << 63), (1 << 63) - 1)
_HALVES = (65504, 65519, 65520, 1e5, INF, -INF, NAN, 2**-25, 2049, 2051, -0.0)
_EIGHTHS = (448, 464, 465, 500, 57344, 61440, 1e38, INF, -INF, NAN, 17, 19, -0.0)


def _from_f32(to: Array, about: str, *values: float) -> Row:
    return row("Casts", "Cast", about, f32(*values), gives=to, to=element_type(to.dtype))


CASTS = [
    *(_from_f32(_saturated(kind), f"f32 to {kind}", *_WIDE) for kind in _INTEGERS),
    row(
        "Casts",
        "Cast",
        "f64 to int64",
        np.array([NAN, INF, 1e30, -1e30, 2.0**53]),
        to=TensorProto.INT64,
        gives=i64(0, 2**63 - 1, 2**63 - 1, -(2**63), 2**53),
    ),
    *(
        row("Casts", "Cast", f"int64 to {k}", i64(*_LONG), gives=_wrapped(k), to=element_type(k))
        for k in _INTEGERS
        if k != "int64"
    ),
    _from_f32(np.array([True, False, False, True, True]), "f32 to bool", NAN, -0.0, 0, 2.0**-149, 0.25),
    row(
        "Casts",
        "Cast",
        "f64 to f32",
        np.array([NAN, 1e300, -1e300, 1e-300, -0.0]),
        to=TensorProto.FLOAT,
        gives=f32(NAN, INF, -INF, 0, -0.0),
    ),
    _from_f32(
        np.array([65504, 65504, INF, INF, INF, -INF, NAN, 0, 2048, 2052, -0.0], np.float16),
        "f32 to f16",
        *_HALVES,
    ),
    _from_f32(
        np.array([3.3895e38, INF, INF, NAN, 256, 260, -0.0]).astype(np.float32).astype(BF16),
        "f32 to bf16",
        3.39e38,
        3.4e38,
        INF,
        NAN,
        257,
        259,
        -0.0,
    ),
    _from_f32(
        np.array([448] * 8 + [-448, NAN, 16, 20, -0.0], np.float32).astype(E4M3), "f32 to f8e4m3", *_EIGHTHS
    ),
    _from_f32(
        np.array([448, 448, 448, 512, *[57344] * 4, -57344, NAN, 16, 20, -0.0], np.float32).astype(E5M2),
        "f32 to f8e5m2",
        *_EIGHTHS,
    ),
    row(
        "Casts",
        "Cast",
        "int64 to f16",
        i64(65504, 65520, -(1 << 62), 2049),
        to=TensorProto.FLOAT16,
        gives=np.array([65504, INF, -INF, 2048], np.float16),
    ),
    row(
        "Casts",
        "Cast",
        "f64 to f16, rounded once",
        np.array([1 + 2.0**-11 + 2.0**-40, 65519.999]),
        gives=np.array([1 + 2.0**-10, 65504], np.float16),
        to=TensorProto.FLOAT16,
    ),
    row(
        "Casts",
        "Cast",
        "int64 to f32",
        i64(2**24 + 1, 2**24 + 3, -(1 << 63)),
        gives=f32(2**24, 2**24 + 4, -(2.0**63)),
        to=TensorProto.FLOAT,
    ),
    row(
        "Casts",
        "CastLike",
        "f32 to int8",
        f32(NAN, INF, -1.75, 300.75),
        np.zeros(1, np.int8),
        gives=np.array([0, 127, -1, 127], np.int8),
    ),
    row("Casts", "Cast", "bool to f32", np.array([True, False]), gives=f32(1, 0), to=TensorProto.FLOAT),
]


def _small(kind: str, about: str, values: Sequence[float], gives: Sequence[float], **options: Any) -> Row:
    """A cast of f32 VALUES to the type of ml_dtypes called KIND."""
    to = f32(*gives).astype(np.dtype(getattr(ml_dtypes, kind)))
    return row("Casts", "Cast", about, f32(*values), gives=to, to=element_type(to.dtype), **options)


_FEW = (0.25, 0.75, 1.25, 2.5, 5, 7, INF, -INF, NAN, -0.0, -0.2)
_POWERS = (3, 1.5, 1, 0, -1, 2.0**-140, 2.0**-127, INF, NAN)
_LEAST, _MOST = 2.0**-127, 2.0**127
_NIBBLES = (-9, 8, 7.9, -1.5, 300, NAN, 1e10)

SMALL_CASTS = [
    _small("float8_e4m3fnuz", "f32 to f8e4m3fnuz", _EIGHTHS, [*[240] * 8, -240, NAN, 16, 20, 0]),
    _small(
        "float8_e5m2fnuz",
        "f32 to f8e5m2fnuz",
        _EIGHTHS,
        [448, 448, 448, 512, *[57344] * 4, -57344, NAN, 16, 20, 0],
    ),
    _small(
        "float8_e4m3fn",
        "f32 to f8e4m3, saturate = 0",
        _EIGHTHS,
        [448, 448, *[NAN] * 8, 16, 20, -0.0],
        saturate=0,
    ),
    _small(
        "float8_e5m2",
        "f32 to f8e5m2, saturate = 0",
        _EIGHTHS,
        [448, 448, 448, 512, 57344, INF, INF, INF, -INF, NAN, 16, 20, -0.0],
        saturate=0,
    ),
    _small("int4", "f32 to int4", _NIBBLES, [7, -8, 7, -1, -4, 0, -1]),
    _small("uint4", "f32 to uint4", _NIBBLES, [7, 8, 7, 15, 12, 0, 15]),
    _small("uint2", "f32 to uint2", _NIBBLES, [3, 0, 3, 3, 0, 0, 3], opset=25),
    _small("float4_e2m1fn", "f32 to f4e2m1", _FEW, [0, 1, 1, 2, 4, 6, 6, -6, 0, -0.0, -0.0], opset=25),
    _small(
        "float8_e8m0fnu",
        "f32 to f8e8m0",
        _POWERS,
        [4, 2, 1, _LEAST, _LEAST, _LEAST, _LEAST, _MOST, NAN],
        opset=25,
    ),
    _small(
        "float8_e8m0fnu",
        "f32 to f8e8m0, down",
        _POWERS,
        [2, 1, 1, _LEAST, _LEAST, _LEAST, _LEAST, _MOST, NAN],
        opset=25,
        round_mode="down",
    ),
    _small(
        "float8_e8m0fnu",
        "f32 to f8e8m0, nearest, saturate = 0",
        _POWERS,
        [4, 2, 1, NAN, NAN, NAN, _LEAST, NAN, NAN],
        opset=25,
        round_mode="nearest",
        saturate=0,
    ),
    row(
        "Casts",
        "Cast",
        "int32 to int4",
        i32(300, -1, 8, -9, -(2**31)),
        gives=f32(-4, -1, -8, 7, 0).astype(ml_dtypes.int4),
        to=TensorProto.INT4,
    ),
]

_REALS = f32(0.5, 1.5, 2.5, -0.5, NAN, INF, -INF, 7e4, -7e4)
_E4M3_ZERO = np.array(0, ml_dtypes.float8_e4m3fn)

QUANTIZATION = [
    *(
        row(
            "Quantization",
            "QuantizeLinear",
            f"to {kind}, zero point {zero}",
            _REALS,
            scalar(1),
            scalar(zero, kind),
            gives=np.array(gives, kind),
            constant=(1, 2),
        )
        for kind, zero, gives in (
            ("int8", 0, [0, 2, 2, 0, 0, 127, -128, 127, -128]),
            ("uint8", 1, [1, 3, 3, 1, 0, 255, 0, 255, 0]),
            ("int16", 0, [0, 2, 2, 0, 0, 32767, -32768, 32767, -32768]),
            ("uint16", 1, [1, 3, 3, 1, 0, 65535, 0, 65535, 0]),
        )
    ),
    row(
        "Quantization",
        "QuantizeLinear",
        "to int4",
        _REALS,
        scalar(1),
        np.zeros((), ml_dtypes.int4),
        gives=f32(0, 2, 2, 0, 0, 7, -8, 7, -8).astype(ml_dtypes.int4),
        constant=(1, 2),
    ),
    row(
        "Quantization",
        "QuantizeLinear",
        "to f8e5m2, saturate = 0",
        _REALS,
        scalar(1),
        np.zeros((), E5M2),
        gives=f32(0.5, 1.5, 2.5, -0.5, NAN, INF, -INF, INF, -INF).astype(E5M2),
        constant=(1, 2),
        saturate=0,
    ),
    row(
        "Quantization",
        "QuantizeLinear",
        "precision = float16",
        f32(1000, 1001, 70000),
        scalar(0.1),
        scalar(0, np.int16),
        gives=np.array([10000, 10016, 32767], np.int16),
        constant=(1, 2),
        opset=25,
        precision=TensorProto.FLOAT16,
    ),
    row(
        "Quantization",
        "QuantizeLinear",
        "to f8e4m3",
        f32(500, -500, NAN, INF, 17, 19),
        scalar(1),
        _E4M3_ZERO,
        gives=np.array([448, -448, NAN, 448, 16, 20], np.float32).astype(E4M3),
        constant=(1, 2),
    ),
    row(
        "Quantization",
        "QuantizeLinear",
        "a scale of 0",
        f32(0, 1, -1, NAN),
        scalar(0),
        scalar(1, np.uint8),
        gives=np.array([0, 255, 0, 0], np.uint8),
    ),
    *(
        row("Quantization", "DynamicQuantizeLinear", about, f32(*x), gives=np.array(gives, np.uint8))
        for about, x, gives in (
            ("ties", (0.5, 1.5, 2.5, 255), (0, 2, 2, 255)),
            ("zeros", (0, -0.0), (0, 0)),
            ("NaN", (NAN, 1, 2), (0, 0, 0)),
            ("a range that overflows", (BIG, -BIG, 1), (0, 0, 0)),
        )
    ),
    row(
        "Quantization",
        "DequantizeLinear",
        "a scale of infinity",
        np.array([-128, 127], np.int8),
        scalar(INF),
        scalar(127, np.int8),
        gives=f32(-INF, NAN),
    ),
]
