"""Sums in numpy, as kernels make them: they start from +0 and leave the range where a kernel's would.

They are added up in f64, so that a kernel is held against the true sum; but what a kernel's type
cannot hold is infinite here too. Sums of integers wrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .numeric import Array


def sum_dtype(array: Array) -> Any:
    """What numpy adds ARRAY up in: f64 for floats, integers wrap in their own type."""
    return np.float64 if array.dtype.kind == "f" else array.dtype


def held(array: Array, dtype: np.dtype[Any]) -> Array:
    """ARRAY, infinite where DTYPE, a float type of numpy, has no number so large."""
    narrow = array.astype(dtype)
    return np.asarray(np.where(np.isinf(narrow), narrow, array))


def total(
    x: Array, axes: Sequence[int], *, keepdims: bool = True, dtype: np.dtype[Any] | None = None
) -> Array:
    """The sum of X over AXES, infinite where DTYPE (that of X) cannot hold it. The sum of -0 is +0."""
    kind = x.dtype if dtype is None else dtype
    found = np.asarray(np.sum(x, tuple(axes), sum_dtype(x), keepdims=keepdims, initial=0))
    return held(found, kind) if x.dtype.kind == "f" else found


def mean(x: Array, axes: Sequence[int], dtype: np.dtype[Any] | None = None) -> Array:
    """The mean of floats over AXES, kept: infinite where DTYPE (that of X) cannot hold their sum."""
    count = np.prod([x.shape[axis] for axis in axes], dtype=np.float64)
    return np.asarray(total(x, axes, dtype=dtype) / count)


def running(x: Array, *, exclusive: bool) -> Array:
    """The sums of what comes up to each element along the last axis, in the type of X and in that order."""
    if not exclusive:
        return np.cumsum(x, -1, x.dtype)
    before = np.concatenate([np.zeros_like(x[..., :1]), x[..., :-1]], axis=-1)
    return np.cumsum(before, -1, x.dtype)
