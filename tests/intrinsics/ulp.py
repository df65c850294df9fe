"""Distances between floating-point numbers, in units in the last place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def ulp_distance(actual: Array, exact: Array) -> Array:
    """|actual - exact| in units of the last place of `actual`'s type at `exact` (given in float64).

    Zero where both are NaN or the same infinity; infinity where only one is, unless `exact` rounds
    to the same infinity.
    """
    kind = actual.dtype.type
    with np.errstate(all="ignore"):
        rounded = exact.astype(kind)
        finite = np.isfinite(rounded)
        spacing = np.spacing(np.abs(np.where(finite, rounded, kind(1)))).astype(np.float64)
        distance = np.abs(actual.astype(np.float64) - exact.astype(np.float64)) / spacing
    same = (np.isnan(actual) & np.isnan(exact)) | (actual == rounded)
    distance = np.where(np.isnan(distance), np.inf, distance)
    # The largest finite number stands for an overflow that is half a step away, and the reverse.
    largest = np.abs(actual) == np.finfo(kind).max
    near = np.isinf(rounded) & largest & (np.sign(actual) == np.sign(rounded))
    return np.where(same, 0.0, np.where(near, 1.0, distance))


def within_ulps(bound: float) -> Callable[[Array, Array], None]:
    """A check that no element is further than `bound` ULPs from the expected one.

    With a bound of 0 zeros have their sign checked too.
    """

    def check(actual: Array, expected: Array) -> None:
        distance = ulp_distance(actual, expected)
        if bound == 0:
            wrong = (expected == 0) & (np.signbit(actual) != np.signbit(expected))
            distance = np.where(wrong, 1.0, distance)
        worst = int(np.argmax(distance)) if distance.size else 0
        assert not distance.size or distance.flat[worst] <= bound, (
            f"{distance.flat[worst]} ULPs at {worst}: {actual.flat[worst]!r}, not {expected.flat[worst]!r}"
        )

    return check
