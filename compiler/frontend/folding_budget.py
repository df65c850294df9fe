"""The bytes that constants made by folding may hold, all together, at any time."""

from __future__ import annotations

import weakref

import numpy as np

from .problems import Malformed
from .tensor import Array


class FoldingBudget:
    """A budget of WHOLE bytes, of which `left` are free.

    Bytes are charged before they are allocated, and given back when the array that has them is gone.
    """

    def __init__(self, whole: int) -> None:
        self.left = whole
        self._whole = whole

    def charge(self, count: int) -> None:
        """Take COUNT bytes. Raises Malformed if there are not so many."""
        self.require_room(count)
        self.left -= count

    def require_room(self, count: int) -> None:
        """Raise Malformed unless COUNT bytes are left; they are needed only temporarily."""
        if count > self.left:
            raise Malformed(
                f"its constant result needs {count} bytes, more than the {self.left} left of the "
                f"folding budget of {self._whole}; raise folding_budget if this is a real model"
            )

    def held_by(self, array: Array, count: int) -> None:
        """COUNT bytes that were charged are held by ARRAY, or not at all if it is a broadcast."""
        if is_broadcast(array):
            self._give_back(count)
        else:
            weakref.finalize(_owner(array), self._give_back, count).atexit = False

    def _give_back(self, count: int) -> None:
        self.left += count


def is_broadcast(array: Array) -> bool:
    """Whether ARRAY is a view in which elements are repeated."""
    return any(step == 0 and size > 1 for step, size in zip(array.strides, array.shape, strict=True))


def without_repeats(array: Array) -> Array:
    """The elements of ARRAY, once each: [2, 1] for a broadcast of two numbers to [2, 3]."""
    steps = zip(array.strides, array.shape, strict=True)
    return array[tuple(slice(1) if step == 0 and size > 1 else slice(None) for step, size in steps)]


def _owner(array: Array) -> Array:
    """The array whose memory ARRAY, perhaps a view, uses."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
