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
    chosen = np.maximum(x, y)
    zeros = _zeros(chosen, x, y)
    # The sum of two zeros is -0 when both are.
    return chosen if zeros is None else np.where(zeros, np.add(x, y), chosen).astype(chosen.dtype)


def smaller(x: Any, y: Any) -> Array:
    """The smaller of each two elements."""
    chosen = np.minimum(x, y)
    zeros = _zeros(chosen, x, y)
    negated = None if zeros is None else np.add(np.negative(x), np.negative(y))
    return chosen if negated is None else np.where(zeros, -negated, chosen).astype(chosen.dtype)


def clipped(x: Any, low: Any, high: Any) -> Array:
    """X within LOW and HIGH; HIGH where LOW is above it."""
    return smaller(larger(x, low), high)


def _zeros(chosen: Array, x: Any, y: Any) -> Array | None:
    """Where both elements are zeros of floats; None when that is nowhere."""
    if chosen.dtype.kind != "f" or np.all(chosen):
        return None
    zeros: Array = np.equal(x, 0) & np.equal(y, 0)
    return zeros


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
