"""The measures of error, and blocks in f64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.checking.measures import Error, error_of, network_bound, range_of, roundoff
from glassrt.dialects.core.dtypes import BF16, F16, F32, I64
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

Array = np.ndarray[Any, Any]

VECTORS = arrays.arrays(
    np.float64,
    st.integers(1, 20),
    elements=st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda v: v == 0 or abs(v) > 1e-6),
)


@given(VECTORS)
def test_equal_arrays_have_no_error(array: Array) -> None:
    assert error_of(array, array.copy(), 2.0**-24) == Error(0, 0, 0)


@given(VECTORS, st.floats(1e-6, 1.0), st.sampled_from([1e-150, 1.0, 1e150]))
def test_errors_are_relative_at_every_scale(array: Array, error: float, scale: float) -> None:
    found = error_of(array * scale * (1 + error), array * scale, 2.0**-24)
    if array.any():
        assert found.relative_l2 == pytest.approx(error, rel=1e-6)
        assert found.roundoffs == pytest.approx(error * 2**24, rel=1e-6)
        assert found.max_abs == pytest.approx(error * scale * np.abs(array).max(), rel=1e-6)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_must_be_so_on_both_sides(special: float) -> None:
    want = np.array([1.0, special])
    assert error_of(want.copy(), want, 1.0).max_abs == 0
    for wrong in (np.array([1.0, 2.0]), np.array([special, special]), np.array([1.0, 7 - special])):
        if not np.array_equal(wrong, want, equal_nan=True):
            assert error_of(wrong, want, 1.0) == Error(np.inf, np.inf, np.inf)


@pytest.mark.parametrize("shape", [(2, 1), (1, 2), (2, 3), (1,), ()])
def test_another_shape_is_an_infinite_error_even_where_it_would_broadcast(shape: tuple[int, ...]) -> None:
    assert error_of(np.ones(shape), np.ones((2,)), 1.0) == Error(np.inf, np.inf, np.inf)


def test_any_error_is_infinite_beside_nothing() -> None:
    assert error_of(np.float32([0, 1]), np.float32([0, 0]), 2.0**-24).relative_l2 == np.inf


def test_networks_of_short_types_may_err_by_fewer_roundoffs() -> None:
    assert network_bound(roundoff(F32)) == pytest.approx(1.5e-5, rel=0.02)
    assert network_bound(roundoff(F16)) == pytest.approx(3.1e-2, rel=0.02)
    assert roundoff(I64) == 0


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
def test_values_that_f16_cannot_hold_are_counted(values: list[float]) -> None:
    found = range_of(np.array(values, np.float64), F16)
    assert found.overflows == sum(65504 < abs(v) < np.inf for v in values)
    small = [v for v in values if 0 < abs(v) < 2.0**-14]
    assert found.subnormals == sum(float(np.float16(v)) != v for v in small)
    assert found.vanished == sum(abs(v) <= 2.0**-25 for v in small)
    assert found.nonzero == sum(v != 0 for v in values)
    assert range_of(np.array(values), F32).overflows == 0


def test_a_subnormal_that_keeps_its_bits_is_no_loss() -> None:
    found = range_of(np.array([2.0**-15, 2.0**-24, 3 * 2.0**-25, 2.0**-26]), F16)
    assert (found.subnormals, found.vanished, found.largest) == (2, 1, 2.0**-15)


def test_the_range_of_bf16() -> None:
    found = range_of(np.array([3.4e38, 3.3e38, 1e-39]), BF16)
    assert (found.overflows, found.subnormals, found.vanished) == (1, 1, 0)
