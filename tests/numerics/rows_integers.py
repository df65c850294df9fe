"""Rows on integers: overflow, division by zero, shifts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..models import Array
from .row import Row, f32, i32, i64, row


def _signed(kind: str) -> list[Row]:
    """Overflow of a signed type: everything wraps."""
    low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)

    def of(*values: int) -> Array:
        return np.array(values, kind)

    def one(op: str, *arrays: Any, gives: Any) -> Row:
        return row("Integers", op, f"{kind} overflow", *arrays, gives=gives)

    return [
        one("Abs", of(low, high, -5), gives=of(low, high, 5)),
        one("Neg", of(low, high), gives=of(low, -high)),
        one("Sign", of(low, 0, high), gives=of(-1, 0, 1)),
        one("Add", of(high, low), of(1, -1), gives=of(low, high)),
        one("Sub", of(low, high), of(1, -1), gives=of(high, low)),
        one("Mul", of(high, low), of(2, 2), gives=of(-2, 0)),
    ]


def _unsigned(kind: str) -> list[Row]:
    high = int(np.iinfo(kind).max)
    zero, one, most = (np.array([value], kind) for value in (0, 1, high))
    return [
        row("Integers", "Add", f"{kind} overflow", most, one, gives=zero),
        row("Integers", "Sub", f"{kind} overflow", zero, one, gives=most),
    ]


def _divided(kind: str) -> list[Row]:
    zeros, numbers = np.array([0, 0], kind), np.array([3, 0], kind)
    return [row("Integers", op, f"{kind} by zero", numbers, zeros, gives=zeros) for op in ("Div", "Mod")]


def _shifted(kind: str) -> list[Row]:
    bits = np.iinfo(kind).bits

    def shift(direction: str, counts: tuple[int, ...], gives: tuple[int, ...]) -> Row:
        about = f"{kind} {direction.lower()}, by the width and more"
        x, y = np.array([255, 255, 1], kind), np.array(counts, kind)
        return row("Integers", "BitShift", about, x, y, gives=np.array(gives, kind), direction=direction)

    top = 1 << (bits - 1)
    return [
        shift("LEFT", (1, bits, bits - 1), (510 % (1 << bits), 0, top)),
        shift("RIGHT", (1, bits, bits + 1), (127, 0, 0)),
    ]


_SIGNS = (-7, 7, -7), (2, -2, -2)

INTEGERS = [
    *(one for kind in ("int8", "int32", "int64") for one in _signed(kind)),
    *(one for kind in ("uint8", "uint32") for one in _unsigned(kind)),
    *(one for kind in ("int8", "int32", "int64", "uint8") for one in _divided(kind)),
    row(
        "Integers",
        "Div",
        "the least int8 by -1",
        *(np.array([x], np.int8) for x in (-128, -1)),
        gives=np.array([-128], np.int8),
    ),
    row("Integers", "Div", "signs", *(i32(*x) for x in _SIGNS), gives=i32(-3, -3, 3)),
    row("Integers", "Mod", "signs", i32(-7, 7, -7), i32(3, -3, -3), gives=i32(2, -2, -1)),
    row("Integers", "Mod", "signs, fmod = 1", i32(-7, 7, -7), i32(3, -3, -3), gives=i32(-1, 1, -1), fmod=1),
    row(
        "Integers",
        "Pow",
        "int32 overflow, negative exponents",
        i32(2, 2, 0, -2, 3, -1, 1),
        i32(31, -1, -1, 3, 40, -3, -5),
        gives=i32(-(2**31), 0, 0, -8, 689956897, -1, 1),
    ),
    row(
        "Integers",
        "Pow",
        "int64 overflow, negative exponents",
        i64(2, 2, 0, -2, 3, -1, 1),
        i64(63, -1, -1, 3, 80, -3, -5),
        gives=i64(-(2**63), 0, 0, -8, 4389419161382147137, -1, 1),
    ),
    row("Integers", "Pow", "integers to the power of floats", i32(2, 3), f32(0.5, -1), gives=i32(1, 0)),
    *(one for kind in ("uint8", "uint32", "uint64") for one in _shifted(kind)),
    row(
        "Integers",
        "MatMul",
        "int32 overflow",
        np.array([[2**31 - 1, 1]], np.int32),
        np.array([[2], [0]], np.int32),
        gives=np.array([[-2]], np.int32),
    ),
]
