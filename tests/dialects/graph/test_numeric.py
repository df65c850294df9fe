"""Arithmetic in numpy at the edges: conversions, integer rules, erf."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BOOL, DTYPES, F16, F32, F64, I4, I8, I16, I64, U4, U8
from glassrt.dialects.graph.numeric import (
    compute_dtype,
    converted,
    erf,
    power,
    power_of_two,
    sigmoid,
    softplus,
    widened,
)


def test_float_to_integer_truncates_saturates_and_drops_nan() -> None:
    x = np.array([1.9, -1.9, 300.0, -300.0, math.inf, -math.inf, math.nan], np.float32)
    assert converted(x, I8).tolist() == [1, -1, 127, -128, 127, -128, 0]
    assert converted(x, U8).tolist() == [1, 0, 255, 0, 255, 0, 0]
    assert converted(np.array([1e30, -1e30]), I64).tolist() == [2**63 - 1, -(2**63)]


def test_f8_saturates() -> None:
    x = np.array([1e9, -math.inf, math.nan], np.float32)
    for name, largest in (("f8e4m3", 448.0), ("f8e5m2", 57344.0)):
        wide = converted(x, DTYPES[name]).astype(np.float32)
        np.testing.assert_array_equal(wide, [largest, -largest, math.nan])


def test_erf_is_accurate_to_f64() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20001), [1e-300, -1e-12, 5e-324, 0.0, math.inf, -math.inf]])
    exact = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(erf(x), exact, rtol=4e-15, atol=0)
    assert math.isnan(erf(np.array([math.nan]))[0])
    assert erf(np.zeros((0, 3), np.float32)).shape == (0, 3)
    assert math.copysign(1, erf(np.array([-0.0]))[0]) == -1


def test_a_power_of_one_half_is_no_square_root_at_minus_infinity() -> None:
    x, y = np.array([-np.inf, -0.0], np.float32), np.array(0.5, np.float32)
    assert power(x, y).tolist() == [np.inf, 0.0]


def test_integers_wrap_and_truth_is_what_is_not_zero() -> None:
    assert converted(np.array([300, -1, 255], np.int32), U8).tolist() == [44, 255, 255]
    assert converted(np.array([0.0, -0.0, math.nan, 1e-40], np.float32), BOOL).tolist() == [0, 0, 1, 1]
    same = np.array([1.5], np.float32)
    assert converted(same, F32) is same


@pytest.mark.parametrize(
    ("mode", "wanted"), [("up", [1, 2, 2, 2, 4]), ("down", [1, 1, 1, 1, 2]), ("nearest", [1, 1, 2, 2, 4])]
)
def test_powers_of_two_round_by_their_mode(mode: str, wanted: list[float]) -> None:
    x = np.array([1.0, 1.25, 1.5, 1.75, 3.0], np.float32)
    assert power_of_two(x, True, mode).astype(np.float32).tolist() == wanted


def test_powers_of_two_have_ends() -> None:
    x = np.array([0.0, -1.0, math.inf, math.nan], np.float32)
    held = power_of_two(x, True, "up").astype(np.float32).tolist()
    assert held[:3] == [2.0**-127, 2.0**-127, 2.0**127] and math.isnan(held[3])
    assert np.isnan(power_of_two(x, False, "up").astype(np.float32)).all()


def test_tails_of_the_logistic_functions() -> None:
    x = np.array([-1000.0, -1.0, 0.0, 1.0, 1000.0])
    np.testing.assert_allclose(sigmoid(x), [0, 1 / (1 + math.e), 0.5, math.e / (1 + math.e), 1], rtol=1e-15)
    np.testing.assert_allclose(
        softplus(x), [0, math.log1p(1 / math.e), math.log(2), math.log1p(math.e), 1000]
    )


def test_small_types_are_computed_wider() -> None:
    pairs = {dtype: compute_dtype(dtype).name for dtype in (F16, F64, I4, U4, I16)}
    assert list(pairs.values()) == ["f32", "f64", "i8", "u8", "i16"]
    assert widened(np.array([1], F16.numpy)).dtype == np.float32
