"""Delta debugging: the smallest part of a list that still fails.

The algorithm is ddmin of Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (IEEE
Transactions on Software Engineering 28, 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


def ddmin(items: Sequence[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """A part of ITEMS, in their order, for which FAILS is true, and for which it is false without any single
    item; ITEMS themselves, for which FAILS is taken to be true, where no part fails.

    FAILS is called about n times for each item that stays, and log(n) times where few do; with an empty list
    once.
    """
    if not items or fails([]):
        return []
    left, parts = list(items), 2
    while len(left) > 1:
        found = next((part for part in _parts(left, parts) if fails(part)), None)
        if found is not None:
            fewer = len(left) - len(found)
            left, parts = found, max(parts - 1, 2) if fewer < len(found) else 2
        elif parts < len(left):
            parts = min(2 * parts, len(left))
        else:
            break
    return left


def _parts(items: Sequence[T], count: int) -> Iterator[list[T]]:
    """COUNT slices of ITEMS of like lengths, then ITEMS without each of them, the later ones first: what lies
    behind a fault is seldom needed."""
    ends = [len(items) * at // count for at in range(count + 1)]
    slices = [(begin, end) for begin, end in pairwise(ends) if begin < end]
    for begin, end in slices:
        yield list(items[begin:end])
    if count > 2:
        for begin, end in reversed(slices):
            yield [*items[:begin], *items[end:]]
