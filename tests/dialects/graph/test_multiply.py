"""`multiply = tf32`: operands rounded to 10 explicit mantissa bits, to the nearest, ties to even."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.dtypes import F16, F32, TF32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.numeric import multiplied
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, evaluated
from hypothesis import given
from hypothesis import strategies as st

BITS = 11
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def nearest(value: float) -> float:
    """VALUE with 11 significant bits (fewer below the normal numbers), by exact fractions."""
    if value == 0:
        return value
    exponent = max(math.frexp(value)[1], -125)  # 2 ** -126 is the least normal number
    unit = Fraction(2) ** (exponent - BITS)
    steps = round(abs(Fraction(value)) / unit)  # ties to even
    rounded = float(steps * unit)
    return math.copysign(rounded if rounded < 2.0**128 else math.inf, value)


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_operands_are_rounded_to_the_nearest(values: list[float]) -> None:
    have = multiplied(np.array(values, np.float32), TF32)
    assert have.tolist() == [nearest(value) for value in values]


def test_ties_go_to_even_and_specials_stay() -> None:
    ties = [1 + 2.0**-11, -1 - 2.0**-11, 1 + 3 * 2.0**-11]
    values = np.array([*ties, 1 + 2.0**-12, np.inf, -np.inf, np.nan, -0.0], np.float32)
    have = multiplied(values, TF32)
    np.testing.assert_array_equal(have, [1, -1, 1 + 2.0**-9, 1, np.inf, -np.inf, np.nan, 0])
    assert np.signbit(have[-1])
    np.testing.assert_array_equal(multiplied(values, None), values)


@given(st.integers(0, 50))
def test_products_are_those_of_rounded_operands(seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = (random.standard_normal(shape).astype(np.float32) for shape in ((3, 5), (5, 2)))
    x, w = (random.standard_normal(shape).astype(np.float32) for shape in ((1, 4, 5, 5), (6, 2, 3, 3)))
    for op, arrays, attributes in ((Matmul, (a, b), {}), (Conv, (x, w), {"groups": 2})):
        have = evaluated(build(op, arrays, multiply=TF32, **attributes), arrays)
        rounded = [multiplied(array, TF32) for array in arrays]
        np.testing.assert_array_equal(have, evaluated(build(op, rounded, **attributes), rounded))


def test_only_f32_can_be_multiplied_as_tf32() -> None:
    for dtype, multiply in ((F16, TF32), (F32, F16), (F32, F32)):
        block = Block([TensorType((2, 2), dtype)] * 2)
        with pytest.raises(IRError, match=f"cannot multiply {dtype} as {multiply}"):
            Matmul(*block.arguments, multiply=multiply)


def test_it_prints_and_parses() -> None:
    text = """module @m {
  func @main(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) -> (tensor<2x2xf32>) {inputs = ["a", "b"], outputs = ["y"]} {
    %0 = graph.matmul %a, %b {multiply = tf32} : tensor<2x2xf32>
    core.return %0
  }
}
"""  # noqa: E501 - one line per operation
    assert print_module(parse_module(text, ALL_DIALECTS)) == text
    with pytest.raises(IRError, match="number format"):
        parse_module(text.replace("tf32", "tf33"), ALL_DIALECTS)
    with pytest.raises(IRError):  # nothing is stored as tf32
        parse_module(text.replace("xf32>", "xtf32>"), ALL_DIALECTS)
