"""Maxima and minima of IEEE 754-2019: NaN propagates, and +0 is larger than -0."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from glassrt.dialects.graph.extremes import clipped, highest, larger, largest, lowest, smaller, smallest

VALUES = np.array([-math.inf, -1.5, -0.0, 0.0, 2.0, math.inf], np.float32)


def key(value: float) -> tuple[float, float]:
    return value, math.copysign(1, value)


def same(found: object, wanted: float) -> bool:
    number = float(np.asarray(found))
    return key(number) == key(wanted)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_pairs_are_ordered_with_the_sign_of_zero(dtype: type) -> None:
    for x, y in permutations(VALUES.tolist(), 2):
        a, b = np.array(x, dtype), np.array(y, dtype)
        assert same(larger(a, b), max(x, y, key=key)) and same(smaller(a, b), min(x, y, key=key))
    assert np.isnan(larger(dtype(math.nan), dtype(1))) and np.isnan(smaller(dtype(1), dtype(math.nan)))


@pytest.mark.parametrize("zeros", list(permutations([-0.0, 0.0, -0.0])))
def test_extremes_along_axes_have_the_sign_of_zero(zeros: tuple[float, ...]) -> None:
    x = np.array([zeros], np.float32)
    assert same(largest(x, [1], keepdims=False)[0], 0.0)
    assert same(smallest(x, [1], keepdims=True)[0, 0], -0.0)
    positive, negative = np.abs(x), -np.abs(x)
    assert same(smallest(positive, [1], keepdims=False)[0], 0.0)
    assert same(largest(negative, [1], keepdims=False)[0], -0.0)


def test_extremes_of_nothing_are_the_identities() -> None:
    for dtype in (np.float32, np.int8, np.uint16):
        kind = np.dtype(dtype)
        nothing = np.zeros((2, 0), kind)
        assert largest(nothing, [1], keepdims=False).tolist() == [lowest(kind)] * 2
        assert smallest(nothing, [1], keepdims=True).tolist() == [[highest(kind)]] * 2
    assert (lowest(np.dtype(np.int8)), highest(np.dtype(np.int8))) == (-128, 127)
    assert (lowest(np.dtype(np.float16)), highest(np.dtype(np.float16))) == (-math.inf, math.inf)


def test_integers_are_left_alone_and_the_upper_bound_wins() -> None:
    x = np.array([[-3, 5], [7, 0]], np.int32)
    assert larger(x, np.int32(1)).tolist() == [[1, 5], [7, 1]]
    assert largest(x, [0, 1], keepdims=False) == 7 and smallest(x, [0], keepdims=False).tolist() == [-3, 0]
    assert clipped(x, np.int32(0), np.int32(4)).tolist() == [[0, 4], [4, 0]]
    assert clipped(x, np.int32(9), np.int32(4)).tolist() == [[4, 4], [4, 4]]
