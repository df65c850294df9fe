"""Whether two candidates compute the same, up to the order in which they add.

Every element is compared. Two right kernels round their results, and sums of K terms, differently: the
difference of these is about sqrt(K) unit roundoffs of the accumulator times the size of a result. What a
kernel does not write holds NaN, or the largest number of an integer type, and differs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....dialects.core.dtypes import DTYPES, DType
from ...passes.semantics import SIGNIFICAND_BITS

Array = np.ndarray[Any, Any]
SLACK = 16.0  # unit roundoffs that right kernels may differ by
POISON = 0xFF  # what outputs hold before a kernel runs, in every byte
CHUNK = 1 << 20  # elements that are compared at a time
ACCUMULATOR = DTYPES["f32"]


def disagreement(have: Array, want: Array, dtype: DType, depth: float) -> str | None:
    """How HAVE, what a candidate wrote as bytes, differs from WANT; None where it does not.

    Elements are of DTYPE and sum DEPTH products. Eight-bit integers, which are rounded from sums, may differ
    by 1.
    """
    if np.array_equal(have, want):
        return None
    mine, other = (data.view(dtype.numpy) for data in (have, want))
    unit = _unit(dtype, depth)
    scale = _rms(other) if dtype.is_float else 0.0
    wrong = sum(
        _wrong(mine[at : at + CHUNK], other[at : at + CHUNK], dtype, unit, scale) for at in _starts(mine)
    )
    return f"{wrong} of {mine.size} elements differ" if wrong else None


def _unit(dtype: DType, depth: float) -> float:
    """The relative difference of two right results."""
    summed = depth**0.5 * 2.0 ** -SIGNIFICAND_BITS[ACCUMULATOR.name]
    return SLACK * max(2.0 ** -SIGNIFICAND_BITS[dtype.name], summed) if dtype.is_float else 0.0


def _rms(array: Array) -> float:
    """The root mean square of the finite elements of a sample of ARRAY."""
    sample = array[:: max(array.size // CHUNK, 1)].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    return float(np.sqrt(np.mean(np.square(sample)))) if sample.size else 0.0


def _wrong(mine: Array, other: Array, dtype: DType, unit: float, scale: float) -> int:
    """How many elements of MINE are not right."""
    if not dtype.is_float:
        allowed = 1 if dtype.is_integer and dtype.bits == 8 else 0
        return int(np.count_nonzero(np.abs(mine.astype(np.int64) - other.astype(np.int64)) > allowed))
    a, b = mine.astype(np.float64), other.astype(np.float64)
    with np.errstate(all="ignore"):
        close = np.isfinite(a - b) & (np.abs(a - b) <= unit * (np.abs(b) + scale))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return int(np.count_nonzero(~(close | same)))


def _starts(array: Array) -> range:
    return range(0, array.size, CHUNK)
