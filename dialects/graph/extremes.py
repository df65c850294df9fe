"""Maxima and minima in numpy with the kernels' semantics: IEEE 754-2019 maximum and minimum.

NaN propagates, and +0 is larger than -0. numpy does not specify which of two zeros it returns; its
vectorised loops and their remainders differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .numeric import Array


def lowest(dtype: np.dtype[Any]) -> Any:
    """The identity of the maximum: -inf, or the least integer."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def highest(dtype: np.dtype[Any]) -> Any:
    """The identity of the minimum: inf, or the greatest integer."""
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def larger(x: Any, y: Any) -> Array:
    """The elementwise maximum."""
    return _with_zeros(np.maximum(x, y), x, y, negative=False)


def smaller(x: Any, y: Any) -> Array:
    """The elementwise minimum."""
    return _with_zeros(np.minimum(x, y), x, y, negative=True)


def clipped(x: Any, low: Any, high: Any) -> Array:
    """X clipped to LOW..HIGH; HIGH where LOW is larger."""
    return smaller(larger(x, low), high)


def _with_zeros(chosen: Array, x: Any, y: Any, *, negative: bool) -> Array:
    """CHOSEN, which is X or Y, with the sign of zero fixed: of zeros of different sign the NEGATIVE one, or
    the other."""
    if chosen.dtype.kind != "f":
        return chosen
    doubtful = (chosen == 0) & (np.signbit(chosen) != negative)
    if not np.any(doubtful):
        return chosen
    differ = doubtful & np.equal(x, y) & (np.signbit(x) != np.signbit(y))
    return np.where(differ, chosen.dtype.type(-0.0 if negative else 0.0), chosen)


def largest(x: Array, axes: Sequence[int], *, keepdims: bool) -> Array:
    """The maximum over AXES; `lowest` if there are no elements."""
    found = np.max(x, tuple(axes), keepdims=keepdims, initial=lowest(x.dtype))
    return _signed(np.asarray(found), x, axes, keepdims=keepdims, negative=False)


def smallest(x: Array, axes: Sequence[int], *, keepdims: bool) -> Array:
    """The minimum over AXES; `highest` if there are no elements."""
    found = np.min(x, tuple(axes), keepdims=keepdims, initial=highest(x.dtype))
    return _signed(np.asarray(found), x, axes, keepdims=keepdims, negative=True)


def _signed(found: Array, x: Array, axes: Sequence[int], *, keepdims: bool, negative: bool) -> Array:
    """FOUND with the sign of zero fixed: a zero is NEGATIVE, or not, if any of the zeros over AXES is."""
    if x.dtype.kind != "f" or np.all(found):
        return found
    wanted = (x == 0) & (np.signbit(x) == negative)
    there = np.any(wanted, tuple(axes), keepdims=keepdims)
    zero = np.where(there == negative, x.dtype.type(-0.0), x.dtype.type(0.0))
    return np.where(found == 0, zero, found)
