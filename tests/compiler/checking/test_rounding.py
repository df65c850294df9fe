"""How far a value has strayed beyond what rounding explains."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.compiler.checking.rounding import strayed
from glassrt.dialects.core.dtypes import F8E4M3, F8E5M2, DType
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from .quantized_nets import Array, numbers

VALUES = arrays.arrays(np.float64, 20, elements=st.floats(-1e6, 1e6) | st.floats(-(2.0**-6), 2.0**-6))


@pytest.mark.parametrize("dtype", [F8E4M3, F8E5M2])
@given(before=VALUES)
def test_the_rounding_of_a_value_has_not_strayed(dtype: DType, before: Array) -> None:
    most = numbers(dtype)[-1]
    have = np.clip(before, -most, most).astype(np.float32).astype(dtype.numpy)
    off = strayed(have, before, dtype)
    assert (off <= np.abs(before) * 2.0**-23).all()  # the halfway rounding to f32 may move a tie


@pytest.mark.parametrize("dtype", [F8E4M3, F8E5M2])
@given(before=VALUES, steps=st.integers(-255, 255).filter(bool))
def test_another_number_has_strayed_by_what_lacks_to_its_edge(
    dtype: DType, before: Array, steps: int
) -> None:
    known = numbers(dtype)
    at = np.abs(known - np.clip(before, known[0], known[-1])[:, None]).argmin(axis=1)
    to = np.clip(at + steps, 0, len(known) - 1)
    off = strayed(known[to].astype(dtype.numpy), before, dtype)
    for i in range(before.size):
        # Moved that far, and a little farther, the value would have been rounded to what there is.
        moved = before[i] + np.sign(known[to[i]] - known[at[i]]) * off[i]
        assert np.abs(known - moved).min() >= abs(known[to[i]] - moved) * (1 - 1e-9) - 1e-12 or off[i] == 0


def test_nan_and_infinity_are_no_question_of_how_much() -> None:
    have = np.array([np.nan, np.nan, 1.0, np.inf], F8E5M2.numpy)
    before = np.array([np.nan, 1.0, np.nan, 1e9])
    assert strayed(have, before, F8E5M2).tolist() == [0.0, math.inf, math.inf, math.inf]
