"""What the functions of math.cuh compute, in numpy: float64 for the floats, Python's meaning for integers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x: Array) -> Array:
    e: Array = np.exp(-np.abs(x))
    above: Array = np.where(x < 0, e, 1.0)
    return np.asarray(above / (1 + e))


def larger(x: Array, y: Array) -> Array:
    """numpy's maximum, which leaves the sign of zero open: the positive one is the larger."""
    return np.asarray(np.where((x == 0) & (y == 0), x + y, np.maximum(x, y)))


def smaller(x: Array, y: Array) -> Array:
    return -larger(-x, -y)


# Function -> float64 reference and the ULPs allowed in f32, on the host and on the GPU alike (the
# larger of the CUDA programming guide's and what this C library does).
UNARY: dict[str, tuple[Callable[[Array], Array], float]] = {
    "exp": (np.exp, 2),
    "exp2": (np.exp2, 2),
    "expm1": (np.expm1, 2),
    "log": (np.log, 2),
    "log2": (np.log2, 2),
    "log1p": (np.log1p, 2),
    "sqrt": (np.sqrt, 0.5),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 2),
    "reciprocal": (lambda x: 1 / x, 0.5),
    "sin": (np.sin, 2),
    "cos": (np.cos, 2),
    "tan": (np.tan, 4),
    "asin": (np.arcsin, 3),
    "acos": (np.arccos, 3),
    "atan": (np.arctan, 2),
    "sinh": (np.sinh, 4),
    "cosh": (np.cosh, 3),
    "tanh": (np.tanh, 3),
    "asinh": (np.arcsinh, 4),
    "acosh": (np.arccosh, 5),
    "atanh": (np.arctanh, 4),
    "erf": (erf, 3),
    "sigmoid": (sigmoid, 4),
    "softplus": (lambda x: np.logaddexp(0, x), 3),
    "floor": (np.floor, 0),
    "ceil": (np.ceil, 0),
    "trunc": (np.trunc, 0),
    "round": (np.rint, 0),
    "abs": (np.abs, 0),
    "neg": (np.negative, 0),
    "sign": (np.sign, 0),
}

BINARY: dict[str, tuple[Callable[[Array, Array], Array], float]] = {
    "add": (np.add, 0.5),
    "sub": (np.subtract, 0.5),
    "mul": (np.multiply, 0.5),
    "div": (np.divide, 0.5),
    "pow": (np.power, 8),
    # Computed in f32 by the reference too: the sum that moves the sign of a remainder rounds.
    "mod": (lambda x, y: np.mod(x.astype(np.float32), y.astype(np.float32)), 0),
    "fmod": (np.fmod, 0),
    "atan2": (np.arctan2, 3),
    "max": (larger, 0),
    "min": (smaller, 0),
    "fma": (np.multiply, 0.5),  # the kernel adds zero: the host may round the product
}


def exact_rows(x: Array) -> Array:
    """Every unary function of the float64 values of x, one row each."""
    with np.errstate(all="ignore"):
        return np.stack([function(x.astype(np.float64)) for function, _ in UNARY.values()])


def exact_pairs(x: Array, y: Array) -> Array:
    """Every binary function, one row each."""
    with np.errstate(all="ignore"):
        return np.stack(
            [
                function(x.astype(np.float64), y.astype(np.float64)).astype(np.float64)
                for function, _ in BINARY.values()
            ]
        )


def _truncated_quotient(a: int, b: int) -> int:
    return 0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _power(a: int, b: int) -> int:
    if b >= 0:
        return pow(a, b, 2**64)
    return {1: 1, -1: -1 if b % 2 else 1}.get(a, 0)


def _integer_row(a: int, b: int, width: int) -> list[int]:
    quotient = _truncated_quotient(a, b)
    return [
        a + b,
        a - b,
        a * b,
        quotient,
        a % b if b else 0,
        a - quotient * b if b else 0,
        a // b if b else 0,
        max(a, b),
        min(a, b),
        _power(a, b),
        a << b if 0 <= b < width else 0,
        a >> b if 0 <= b < width else -(a < 0),
        -a,
        abs(a),
        (a > 0) - (a < 0),
        ~a,
        a,
    ]


def integer_rows(x: Array, y: Array) -> Array:
    """Every integer function of pairs of x and y, wrapped to their type: one row each."""
    width = x.dtype.itemsize * 8
    rows = [_integer_row(int(a), int(b), width) for a, b in zip(x, y, strict=True)]
    mask = 2**width - 1
    unsigned = np.array([[value & mask for value in row] for row in rows], np.dtype(f"u{x.dtype.itemsize}"))
    return unsigned.view(x.dtype).T.copy()


def nearest_tf32(x: Array) -> Array:
    """The bits of X rounded to tf32, ties to even; of any NaN, those that bulk copies make of it."""
    raw = x.view(np.uint32).astype(np.uint64)
    nearest = (raw + 0xFFF + (raw >> 13 & 1)) & 0xFFFFE000
    return np.where(np.isnan(x), 0x7FFFE000, nearest).astype(np.uint32)
