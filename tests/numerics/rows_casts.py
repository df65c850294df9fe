"""Rows on conversions: out of range, rounding, quantization."""

from __future__ import annotations

import ml_dtypes
import numpy as np
from onnx import TensorProto

from ..models import Array
from .row import BF16, E4M3, E5M2, INF, NAN, Row, element_type, f32, i64, row, scalar

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

_REALS = f32(0.5, 1.5, 2.5, -0.5, NAN, INF, -INF, 7e4, -7e4)
_E4M3_ZERO = np.array(0, ml_dtypes.float8_e4m3fn)

QUANTIzATION = [
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
