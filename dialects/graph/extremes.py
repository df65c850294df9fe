"""Maxima and minima in numpy, as kernels take them: IEEE 754-2019 maximum and minimum.

NaN is the extreme of whatever holds one. Of two zeros the positive one is the larger; numpy leaves
open which one it gives, and gives another one in vectors than beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .numeric import Array


def lowest(dtype: np.dtype[Any]) -> Any:
    """What the maximum of nothing is: -inf, or the least integer."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def highest(dtype: np.dtype[Any]) -> Any:
    """What the minimum of nothing is: inf, or the greatest integer."""
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def larger(x: Any, y: Any) -> Array:
    """The larger of each two elements."""
    return _with_zeros(np.maximum(x, y), x, y, negative=False)


def smaller(x: Any, y: Any) -> Array:
    """The smaller of each two elements."""
    return _with_zeros(np.minimum(x, y), x, y, negative=True)


def clipped(x: Any, low: Any, high: Any) -> Array:
    """X within LOW and HIGH; HIGH where LOW is above it."""
    return smaller(larger(x, low), high)


def _with_zeros(chosen: Array, x: Any, y: Any, *, negative: bool) -> Array:
    """CHOSEN of X and Y; of two zeros of different signs the NEGATIVE one, or the other."""
    if chosen.dtype.kind != "f":
        return chosen
    doubtful = (chosen == 0) & (np.signbit(chosen) != negative)
    if not np.any(doubtful):
        return chosen
    differ = doubtful & np.equal(x, y) & (np.signbit(x) != np.signbit(y))
    return np.where(differ, chosen.dtype.type(-0.0 if negative else 0.0), chosen)


def largest(x: Array, axes: Sequence[int], *, keepdims: bool) -> Array:
    """The largest element over AXES, `lowest` of none."""
    found = np.max(x, tuple(axes), keepdims=keepdims, initial=lowest(x.dtype))
    return _signed(np.asarray(found), x, axes, keepdims=keepdims, negative=False)


def smallest(x: Array, axes: Sequence[int], *, keepdims: bool) -> Array:
    """The smallest element over AXES, `highest` of none."""
    found = np.min(x, tuple(axes), keepdims=keepdims, initial=highest(x.dtype))
    return _signed(np.asarray(found), x, axes, keepdims=keepdims, negative=True)


def _signed(found: Array, x: Array, axes: Sequence[int], *, keepdims: bool, negative: bool) -> Array:
    """FOUND, zeros among which are NEGATIVE or not as soon as one of those over AXES is."""
    if x.dtype.kind != "f" or np.all(found):
        return found
    wanted = (x == 0) & (np.signbit(x) == negative)
    there = np.any(wanted, tuple(axes), keepdims=keepdims)
    zero = np.where(there == negative, x.dtype.type(-0.0), x.dtype.type(0.0))
    return np.where(found == 0, zero, found)
