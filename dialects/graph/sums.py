"""Sums in numpy with the kernels' semantics: they start from +0, and overflow where a kernel would.

They accumulate in f64, so that kernels are compared with the true sum; but a sum that exceeds a kernel's
accumulator type is infinite here too. Integer sums wrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .numeric import Array


def sum_dtype(array: Array) -> Any:
    """The numpy accumulator type for ARRAY: f64 for floats; integers wrap in their own type."""
    return np.float64 if array.dtype.kind == "f" else array.dtype


def held(array: Array, dtype: np.dtype[Any]) -> Array:
    """ARRAY with infinities where the numpy float type DTYPE overflows."""
    narrow = array.astype(dtype)
    return np.asarray(np.where(np.isinf(narrow), narrow, array))


def total(
    x: Array, axes: Sequence[int], *, keepdims: bool = True, dtype: np.dtype[Any] | None = None
) -> Array:
    """The sum of X over AXES, infinite where DTYPE (by default that of X) overflows. The sum of -0 is +0."""
    kind = x.dtype if dtype is None else dtype
    found = np.asarray(np.sum(x, tuple(axes), sum_dtype(x), keepdims=keepdims, initial=0))
    return held(found, kind) if x.dtype.kind == "f" else found


def mean(x: Array, axes: Sequence[int], dtype: np.dtype[Any] | None = None) -> Array:
    """The mean of floats over AXES, with kept dimensions: infinite where DTYPE (by default X's) cannot hold
    the sum."""
    count = np.prod([x.shape[axis] for axis in axes], dtype=np.float64)
    return np.asarray(total(x, axes, dtype=dtype) / count)


def running(x: Array, *, exclusive: bool) -> Array:
    """Running sums along the last axis, accumulated in order in the type of X."""
    if not exclusive:
        return np.cumsum(x, -1, x.dtype)
    before = np.concatenate([np.zeros_like(x[..., :1]), x[..., :-1]], axis=-1)
    return np.cumsum(before, -1, x.dtype)
