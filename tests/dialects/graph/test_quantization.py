"""Quantization ops: definitions against numpy, the numbers at the edges, and the rules of types."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BF16, F8E4M3, F8E5M2, F16, F32, I8, I16, I32, U8, U16, DType
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

INTEGERS = (I8, U8, I16, U16)
QUANTIZED = (*INTEGERS, F8E4M3, F8E5M2)
REALS = (F32, F16, BF16)

Parameters = tuple[list[Any], dict[str, int]]


@st.composite
def parameters(draw: Any, shape: tuple[int, ...], dtype: DType, real: DType) -> Parameters:
    """A scale in REAL, and sometimes a zero point in DTYPE, for a tensor of SHAPE, in any granularity."""
    form = draw(st.sampled_from(["tensor", "axis", "block"])) if shape else "tensor"
    given, options = (), {}
    if form != "tensor":
        options["axis"] = axis = draw(st.integers(0, len(shape) - 1))
        given = (shape[axis],)
    if form == "block":
        options["block"] = block = draw(st.integers(1, 3))
        given = (*shape[:axis], -(-shape[axis] // block), *shape[axis + 1 :])
    count = math.prod(given)
    numbers = draw(st.lists(st.floats(2**-9, 8, width=32), min_size=count, max_size=count))
    arrays: list[Any] = [np.array(numbers, np.float32).reshape(given).astype(real.numpy)]
    if dtype in INTEGERS and draw(st.booleans()):
        arrays.append(draw(tensors(dtype, given)))
    return arrays, options


@given(data=st.data())
def test_quantize_definition_is_numpy(data: DataObject) -> None:
    dtype, real = data.draw(dtypes(*QUANTIZED)), data.draw(dtypes(*REALS))
    shape = data.draw(shapes(most=3, side=4))
    x = data.draw(tensors(data.draw(dtypes(*REALS, I32)), shape, limit=2000.0))
    arrays, options = data.draw(parameters(shape, dtype, real))
    check_op(Quantize, [x, *arrays], to=dtype, symbolic=False, **options)


@given(data=st.data())
def test_dequantize_definition_is_numpy(data: DataObject) -> None:
    dtype, real = data.draw(dtypes(*QUANTIZED, I32)), data.draw(dtypes(*REALS))
    shape = data.draw(shapes(most=3, side=4))
    arrays, options = data.draw(parameters(shape, dtype, real))
    q = data.draw(tensors(dtype, shape))
    check_op(Dequantize, [q, *arrays], to=data.draw(dtypes(*REALS)), symbolic=False, **options)


@given(data=st.data(), axis=st.integers(0, 2))
def test_symbolic_sizes(data: DataObject, axis: int) -> None:
    x = data.draw(tensors(F32, (2, 3, 4)))
    scale = np.linspace(0.5, 2, x.shape[axis], dtype=np.float32)
    check_op(Quantize, [x, scale], to=I8, axis=axis, symbolic=True)


# ---------------------------------------------------------------- numbers


def quantized(x: Any, to: DType, scale: float = 1.0, zero: int | None = None) -> list[Any]:
    arrays = [np.array(x, np.float32), np.array(scale, np.float32)]
    if zero is not None:
        arrays.append(np.array(zero, to.numpy))
    op = build(Quantize, arrays, to=to)
    return evaluated(op, arrays).astype(np.float64).tolist()  # type: ignore[no-any-return]


def test_ties_go_to_even_before_the_zero_point_is_added() -> None:
    assert quantized([0.5, 1.5, 2.5, -0.5, -1.5], I8) == [0, 2, 2, 0, -2]
    assert quantized([0.5, 1.5, 2.5, -0.5, -1.5], U8, zero=3) == [3, 5, 5, 3, 1]


def test_integers_saturate_and_drop_nan() -> None:
    x = [1e9, -1e9, math.inf, -math.inf, math.nan]
    assert quantized(x, I8, zero=-7) == [127, -128, 127, -128, 0]
    assert quantized(x, U8, zero=200) == [255, 0, 255, 0, 0]
    assert quantized([3e38, -3e38], U16, scale=1e-30) == [65535, 0]


def test_short_floats_are_rounded_once_and_saturate() -> None:
    x = [0.3, 17.0, 19.0, 1e9, -math.inf]
    assert quantized(x, F8E4M3) == [0.3125, 16, 20, 448, -448]
    assert quantized(x, F8E5M2) == [0.3125, 16, 20, 57344, -57344]
    assert math.isnan(quantized([math.nan], F8E4M3)[0])


def test_the_scale_divides_in_f32() -> None:
    """1.55 / 0.1 is 15.499999 in f32, where a product with the rounded 1 / 0.1 would give 15.5."""
    assert quantized([1.55, 2.35], I8, scale=0.1) == [15, 23]
    x16, scale16 = np.array([0.35], np.float16), np.array(0.1, np.float16)
    op = build(Quantize, [x16, scale16], to=I8)
    want = np.rint(np.float32(x16) / np.float32(scale16)).astype(np.int8)
    assert evaluated(op, [x16, scale16]).tolist() == want.tolist()


def test_constants_are_exact_for_every_byte() -> None:
    q = np.arange(256).astype(np.uint8)
    arrays = [q, np.array(0.1, np.float32), np.array(130, np.uint8)]
    want = (q.astype(np.int32) - 130).astype(np.float32) * np.float32(0.1)
    np.testing.assert_array_equal(evaluated(build(Dequantize, arrays, to=F32), arrays), want)
    back = [want, *arrays[1:]]
    np.testing.assert_array_equal(evaluated(build(Quantize, back, to=U8), back), q)


# ---------------------------------------------------------------- types

X = np.zeros((2, 3), np.float32)
ONE = np.array(1, np.float32)
Q = np.zeros((2, 3), np.int8)


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ([X, ONE], {"to": I32}, "cannot quantize to i32"),
        ([Q, ONE], {"to": I8}, "not i8"),
        ([X, np.array(1, np.int32)], {"to": I8}, "a float is expected"),
        ([X, np.ones(2, np.float32)], {"to": I8, "axis": 1}, r"\[3\] is expected"),
        ([X, np.ones(3, np.float32)], {"to": I8, "axis": 2}, "axis 2"),
        ([X, np.ones(3, np.float32)], {"to": I8, "axis": -1}, "axis"),
        ([X, ONE, np.array(1, np.uint8)], {"to": I8}, "zero point of type u8"),
        ([X, ONE, np.zeros(1, np.int8)], {"to": I8}, "another shape"),
        ([X, ONE], {"to": I8, "block": 2}, "blocks of 2"),
        ([X, np.ones((2, 3), np.float32)], {"to": I8, "axis": 1, "block": 2}, r"\[2, 2\] is expected"),
    ],
)
def test_parameters_that_do_not_fit_are_located(
    arrays: list[Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(IRError, match=f"graph.quantize.*{words}"):
        build(Quantize, arrays, **options)


@pytest.mark.parametrize(
    ("arrays", "to", "words"),
    [
        ([X, ONE], F32, "not a quantized type"),
        ([Q, ONE], I8, "gives f32"),
        ([Q.astype(np.int32), ONE, np.array(1, np.int32)], F32, "zero point of type i32"),
    ],
)
def test_wrong_types_are_located(arrays: list[Any], to: DType, words: str) -> None:
    with pytest.raises(IRError, match=f"graph.dequantize.*{words}"):
        build(Dequantize, arrays, to=to)
