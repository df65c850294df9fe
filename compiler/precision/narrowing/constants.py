"""Facts about the constants of a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....dialects.core.dtypes import from_numpy
from .facts import Fact, NumberOrigin, integers, of_dtype

Array = np.ndarray[Any, Any]

# The first few elements tell most tables of fractions apart from tables of integers.
FIRST_ELEMENTS = 64
# Every format represents whole numbers up to this; a table of larger ones counts something.
COUNTED = 256
SHORT_BITS = 8  # the width of weights of quantized networks


def constant_fact(array: Array, bounded: bool = True) -> Fact:
    """The fact about a constant. A table of large integers is taken for folded positions.

    BOUNDED: whether to compute the bounds of other tables.
    """
    if array.size == 0:
        return Fact(NumberOrigin.CONSTANT, 0.0, 0.0, whole=True)
    whole = _is_whole(array)
    if not whole and not bounded:
        return Fact(NumberOrigin.CONSTANT)
    dtype = from_numpy(array.dtype)
    if not dtype.is_float and dtype.bits <= SHORT_BITS:
        return Fact(NumberOrigin.CONSTANT, low=of_dtype(dtype).low, high=of_dtype(dtype).high, whole=True)
    low, high = _bounds(array)
    far = max(abs(low), abs(high))
    if whole and low < high and far > COUNTED:
        return integers(low, high)
    return Fact(NumberOrigin.CONSTANT, low, high, peak=far, whole=whole)


def _is_whole(array: Array) -> bool:
    if not from_numpy(array.dtype).is_float:
        return True
    for part in (array.flat[:FIRST_ELEMENTS], array):
        wide = np.asarray(part, np.float64)
        if not bool((np.isfinite(wide) & (np.rint(wide) == wide)).all()):
            return False
    return True


def _bounds(array: Array) -> tuple[float, float]:
    """The smallest and the largest finite number; infinities are ignored, because 16-bit floats represent
    them."""
    wide = np.asarray(array, np.float64) if from_numpy(array.dtype).is_float else array
    finite = wide[np.isfinite(wide)] if wide.dtype.kind == "f" else wide
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
