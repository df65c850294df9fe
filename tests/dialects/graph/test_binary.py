"""Ops of two operands: division, powers, shifts."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.graph import binary
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import NUMBERS, dtypes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject


@given(data=st.data())
def test_fmod_definition_is_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*NUMBERS))
    arrays = [data.draw(tensors(dtype, (3,))) for _ in range(2)]
    check_op(binary.Mod, arrays, fmod=True)


def test_integer_division_and_powers() -> None:
    x, y = np.array([7, -7, 7, -7, 5], np.int32), np.array([2, 2, -2, -2, 0], np.int32)
    assert evaluated(build(binary.Div, [x, y]), [x, y]).tolist() == [3, -3, -3, 3, 0]
    x, y = np.array([2, -1, -1, 1, 0, 3], np.int64), np.array([-1, -3, -2, -9, -1, 4], np.int64)
    assert evaluated(build(binary.Pow, [x, y]), [x, y]).tolist() == [0, -1, 1, 1, 0, 81]


def test_shifts_beyond_the_width_give_zero() -> None:
    x, y = np.array([1, 255, 255], np.uint8), np.array([7, 8, 200], np.uint8)
    assert evaluated(build(binary.ShiftLeft, [x, y]), [x, y]).tolist() == [128, 0, 0]
    assert evaluated(build(binary.ShiftRight, [x, y]), [x, y]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_shifts_of_signed_numbers_beyond_the_width(dtype: type) -> None:
    bits = np.dtype(dtype).itemsize * 8
    x = np.array([-8, -8, -8, 8, 8, -8], dtype)
    y = np.array([bits - 1, bits, -1, bits, -3, 2], dtype)
    assert evaluated(build(binary.ShiftRight, [x, y]), [x, y]).tolist() == [-1, -1, -1, 0, 0, -2]
    assert evaluated(build(binary.ShiftLeft, [x, y]), [x, y]).tolist() == [0, 0, 0, 0, 0, -32]
