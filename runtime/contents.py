"""The contents of inputs that sizes depend on: a few numbers, read on the host before a run.

An element of an integer input is one number. An element of a floating-point input is two, the numerator and
the denominator of the simplest fraction that rounds to it: 3/5 for 0.60000002. A list whose length is a size,
too, has zeros behind its end, up to the most numbers that it may hold.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import InputError

FARTHEST = 2**31  # larger than any size: numbers beyond are clamped to it, and mean "as far as possible"
MOST_DENOMINATOR = 1 << 12

Array = np.ndarray[Any, Any]


def numbers_in(array: Array) -> list[int]:
    """The numbers in ARRAY, integers in -FARTHEST..FARTHEST.

    Raises InputError for an element that is not a fraction with a denominator of at most MOST_DENOMINATOR.
    """
    if array.dtype.kind in "iub" or array.dtype.name in ("int2", "int4", "uint2", "uint4"):
        return [_limited(int(item)) for item in array.reshape(-1)]
    kind = array.dtype.type
    return [number for item in array.reshape(-1) for number in _fraction(float(item), kind)]


def _limited(number: int) -> int:
    return min(max(number, -FARTHEST), FARTHEST)


@lru_cache(maxsize=256)
def _fraction(number: float, kind: type[np.generic]) -> tuple[int, int]:
    """The simplest fraction that rounds to NUMBER in the type KIND, as numerator and denominator."""
    if np.isfinite(number) and abs(number) <= FARTHEST:
        unders = np.arange(1, MOST_DENOMINATOR + 1)
        overs = np.rint(number * unders)
        found = np.flatnonzero((overs / unders).astype(kind).astype(np.float64) == number)
        if len(found):
            return int(overs[found[0]]), int(unders[found[0]])
    text = f"it holds {number!r}, and sizes depend on it"
    raise InputError(text, f"a fraction with a denominator of at most {MOST_DENOMINATOR} is needed")
