"""How far a value has strayed beyond what rounding explains."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.compiler.checking.rounding import bytes_rounded, strayed
from glassrt.dialects.core.dtypes import F8E4M3, F8E5M2, I8, DType
from glassrt.dialects.core.interpreter import Evaluation
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.quantization import Quantize
from glassrt.dialects.graph.unary import Exp
from glassrt.testing.net import Net
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


def test_integers_stray_by_what_lacks_to_the_middle() -> None:
    have, before = np.array([3, 3, -128, 0], np.int8), np.array([3.5, 4.0, -500.0, np.nan])
    assert strayed(have, before, I8).tolist() == [0.0, 0.5, 0.0, 0.0]


@pytest.mark.parametrize("moved", [False, True])
def test_what_is_rounded_to_bytes_is_known_before_that(moved: bool) -> None:
    net = Net()
    x = net.input("x", 2, 3)
    y = net.add(Exp, x)
    q = net.add(
        Quantize, y, net.function.block.append(Constant(value=np.array(0.5, np.float32))).result, to=I8
    )
    z = net.add(Transpose, q, perm=[1, 0]) if moved else q
    found = bytes_rounded(z)
    assert found is not None and found.step == 0.5
    array = np.float32([[1, 2, 3], [4, 5, 6]])
    before = found.before({y: array}, Evaluation(net.module, {}))
    assert np.array_equal(before, (array.T if moved else array) / 0.5)
    assert bytes_rounded(net.add(Quantize, x, net.const(np.float32(0.5)), to=I8)) is None  # as it was read


def test_nan_and_infinity_are_no_question_of_how_much() -> None:
    have = np.array([np.nan, np.nan, 1.0, np.inf], F8E5M2.numpy)
    before = np.array([np.nan, 1.0, np.nan, 1e9])
    assert strayed(have, before, F8E5M2).tolist() == [0.0, math.inf, math.inf, math.inf]
