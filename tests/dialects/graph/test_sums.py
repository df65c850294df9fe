"""Sums in numpy: from +0, accumulated wide, and infinite where a kernel's accumulator would be."""

from __future__ import annotations

import math

import numpy as np
from glassrt.dialects.graph.sums import held, mean, running, sum_dtype, total


def test_floats_are_summed_in_f64_and_integers_wrap() -> None:
    x = np.array([1e8, 1.0, -1e8], np.float32)
    assert total(x, [0], keepdims=False) == 1.0
    assert total(np.array([100, 100], np.int8), [0], keepdims=False) == -56
    assert sum_dtype(x) == np.float64 and sum_dtype(np.zeros(1, np.uint8)) == np.uint8


@np.errstate(over="ignore")
def test_what_exceeds_the_accumulator_is_infinite() -> None:
    x = np.array([[3e38, 3e38], [1, 2]], np.float32)
    assert total(x, [1]).tolist() == [[math.inf], [3.0]]
    assert total(x, [1], dtype=np.dtype(np.float64)).tolist() == [[2 * float(x[0, 0])], [3.0]]
    assert mean(x, [1]).tolist() == [[math.inf], [1.5]]
    assert mean(x, [0, 1], np.dtype(np.float64))[0, 0] == (2 * float(x[0, 0]) + 3) / 4
    assert held(np.array([7e4, -7e4, 1 / 3]), np.dtype(np.float16)).tolist() == [math.inf, -math.inf, 1 / 3]


def test_a_sum_of_negative_zeros_is_positive() -> None:
    zeros = np.full((2, 3), -0.0, np.float32)
    for found in (total(zeros, [0, 1]), total(zeros[:, :0], [1])):
        assert not found.any() and not np.signbit(found).any()


def test_running_sums_in_the_own_type() -> None:
    x = np.array([[1, 2, 3], [100, 100, 100]], np.int8)
    assert running(x, exclusive=False).tolist() == [[1, 3, 6], [100, -56, 44]]
    assert running(x, exclusive=True).tolist() == [[0, 1, 3], [0, 100, -56]]
    assert running(x, exclusive=True).dtype == np.int8
