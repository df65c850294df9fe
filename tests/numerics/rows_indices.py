"""Rows on positions: outside the tensor, and between elements."""

from __future__ import annotations

import numpy as np

from ..models import Array
from .row import INF, NAN, Row, f32, i64, row, scalar

_X = f32(10, 11, 12)
_INSIDE, _OUTSIDE = (-3, 2), (3, -4, 100, -100)


def _sliced(about: str, start: int, end: int, step: int, *gives: float) -> Row:
    places = [i64(value) for value in (start, end, 0, step)]
    return row("Indices", "Slice", about, _X, *places, gives=f32(*gives), constant=(1, 2, 3, 4))


INDICES = [
    row("Indices", "Gather", "from the end", _X, i64(*_INSIDE), gives=f32(10, 12)),
    row("Indices", "Gather", "outside", _X, i64(*_OUTSIDE), gives=f32(12, 10, 12, 10)),
    row("Indices", "GatherElements", "from the end", _X, i64(*_INSIDE), gives=f32(10, 12)),
    row("Indices", "GatherElements", "outside", _X, i64(*_OUTSIDE), gives=f32(12, 10, 12, 10)),
    row("Indices", "GatherND", "from the end", _X, i64(*_INSIDE)[:, None], gives=f32(10, 12)),
    row("Indices", "GatherND", "outside", _X, i64(*_OUTSIDE)[:, None], gives=f32(12, 10, 12, 10)),
    row(
        "Indices",
        "OneHot",
        "outside",
        i64(-4, -3, 2, 3),
        scalar(3, np.int64),
        f32(0, 1),
        constant=(1,),
        gives=np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]], np.float32),
    ),
    row(
        "Indices",
        "OneHot",
        "fractions, NaN",
        f32(1.75, -1.25, NAN),
        scalar(3, np.int64),
        f32(0, 1),
        constant=(1,),
        gives=np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float32),
    ),
    _sliced("past the end", 0, 100, 1, 10, 11, 12),
    _sliced("before the start", -100, 2, 1, 10, 11),
    _sliced("end before start", 2, 0, 1),
    _sliced("backward, past both ends", 100, -100, -1, 12, 11, 10),
    _sliced("the largest numbers", 2**63 - 1, -(2**63), -1, 12, 11, 10),
    _sliced("a step past the end", 0, 2**63 - 1, 2**62, 10),
    row(
        "Indices",
        "Trilu",
        "NaN",
        f32(NAN, INF, -0.0, 2).reshape(2, 2),
        gives=f32(NAN, 0, -0.0, 2).reshape(2, 2),
        upper=0,
    ),
    row(
        "Indices",
        "Pad",
        "with NaN",
        f32(-0.0, NAN),
        i64(1, 1),
        scalar(NAN),
        gives=f32(NAN, -0.0, NAN, NAN),
        constant=(1,),
    ),
]


def _resized(about: str, x: Array, scale: float, gives: Array, **options: str) -> Row:
    return row(
        "Rounding",
        "Resize",
        about,
        x.reshape(1, 1, -1),
        None,
        f32(1, 1, scale),
        constant=(1, 2),
        gives=gives.reshape(1, 1, -1),
        **options,
    )


_NEAREST = {"round_prefer_floor": 0, "round_prefer_ceil": 1, "floor": 0, "ceil": 1}

RESIZES = [
    *(
        _resized(
            f"nearest, a tie, {rounding}",
            np.arange(8, dtype=np.float32),
            0.5,
            np.arange(first, 8, 2, dtype=np.float32),
            mode="nearest",
            nearest_mode=rounding,
        )
        for rounding, first in _NEAREST.items()
    ),
    _resized(
        "linear, NaN and infinity",
        f32(NAN, 0, INF, 1),
        2,
        f32(NAN, NAN, NAN, INF, INF, INF, INF, 1),
        mode="linear",
    ),
]
