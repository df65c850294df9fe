"""How much two sets of detections differ: boxes that were found by one alone, and how the others differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
SAME = 0.5  # the overlap from which on two boxes of one label are the same detection


def relative(have: Array, want: Array) -> float:
    """‖have - want‖ / ‖want‖, infinite for another shape or for what is not finite."""
    if have.shape != want.shape or not np.isfinite(have).all():
        return math.inf
    gap = np.linalg.norm(have.astype(np.float64) - want.astype(np.float64))
    return float(gap) / max(float(np.linalg.norm(want.astype(np.float64))), 1e-30)


def detections_differ(have: Sequence[Array], want: Sequence[Array]) -> float:
    """How much HAVE differs from WANT: boxes [n, 4], scores [n] and labels [n] each, in any order.

    The largest of three: the share of detections without a partner in the other set, which has the same
    label and covers the same place; and the relative errors of the boxes and of the scores of partners. So
    a difference below 1 / n means that both found the same. Infinite where WANT has none, which says nothing.
    """
    if not len(want[0]):
        return math.inf
    pairs = partners(have, want)
    lost = 1 - len(pairs) / max(len(have[0]), len(want[0]))
    ours, theirs = [one for one, _ in pairs], [other for _, other in pairs]
    errors = (
        [relative(np.asarray(have[i])[ours], np.asarray(want[i])[theirs]) for i in (0, 1)] if pairs else []
    )
    return max(lost, *errors, 0.0)


def partners(have: Sequence[Array], want: Sequence[Array]) -> list[tuple[int, int]]:
    """Pairs of one detection each of HAVE and WANT that are the same, the best overlap first."""
    overlap = overlaps(np.asarray(have[0], np.float64), np.asarray(want[0], np.float64))
    overlap[np.asarray(have[2])[:, None] != np.asarray(want[2])[None]] = 0
    found: list[tuple[int, int]] = []
    for place in np.argsort(-overlap, axis=None, kind="stable")[: np.count_nonzero(overlap >= SAME)]:
        one, other = divmod(int(place), overlap.shape[1])
        if overlap[one, other]:  # neither has a partner yet
            found.append((one, other))
            overlap[one], overlap[:, other] = 0, 0
    return found


def overlaps(a: Array, b: Array) -> Array:
    """The area that each box of A [n, 4] shares with each of B [m, 4], over that of both: [n, m]."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), -1)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], -1) for boxes in (a, b)]
    with np.errstate(all="ignore"):
        return np.nan_to_num(shared / (areas[0][:, None] + areas[1][None] - shared))
