"""What is known of a quantized tensor: its scales and zero points, where they are constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.precision.quantization.dequantized import (
    along_axis,
    as_dequantized,
    less_zero_point,
    positive,
    through_reshape,
)
from glassrt.dialects.core.dtypes import F32, I8, U8
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.quantization import Dequantize
from glassrt.testing.net import Net
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

PER_CHANNEL = np.array([0.5, 0.25, 2.0], np.float32)


def test_scales_and_zero_points_are_those_of_the_op() -> None:
    net = Net()
    q = net.input("q", 2, 3, dtype=U8)
    zero = np.array([1, 2, 255], np.uint8)
    y = net.add(Dequantize, q, net.const(PER_CHANNEL), net.const(zero), axis=1, to=F32)
    module = net.done(y)
    found = as_dequantized(y, module)
    assert found is not None and (found.stored, found.axis, found.per_tensor) == (q, 1, False)
    assert found.scale.tolist() == [0.5, 0.25, 2.0]
    assert found.zero_point.tolist() == [1, 2, 255] and found.zero_point.dtype == np.int64
    assert found.broadcast(found.scale, 4).shape == (1, 3, 1, 1)


def test_without_a_zero_point_it_is_zero() -> None:
    net = Net()
    y = net.add(Dequantize, net.input("q", 2, 3, dtype=I8), net.const(np.float32(0.5)), to=F32)
    found = as_dequantized(y, net.done(y))
    assert found is not None and found.per_tensor and found.zero_point == 0


UNKNOWN: dict[str, Any] = {
    "zero": np.float32(0.0),
    "negative": np.float32(-0.5),
    "infinite": np.float32(np.inf),
    "not a number": np.float32(np.nan),
    "one of many is zero": np.array([0.5, 0.0, 1.0], np.float32),
    "half precision": np.float16(0.5),
}


@pytest.mark.parametrize("scale", UNKNOWN)
def test_scales_that_are_no_positive_numbers_of_f32_are_unknown(scale: str) -> None:
    net = Net()
    y = net.add(Dequantize, net.input("q", 2, 3, dtype=I8), net.const(UNKNOWN[scale]), axis=1, to=F32)
    assert as_dequantized(y, net.done(y)) is None


def test_scales_that_are_computed_are_unknown_and_other_values_are_not_dequantized() -> None:
    net = Net()
    scale = net.input("s")
    y = net.add(Dequantize, net.input("q", 2, 3, dtype=I8), scale, to=F32)
    module = net.done(net.add(Relu, y))
    assert as_dequantized(y, module) is None
    assert as_dequantized(module.main.block.terminator.inputs[0], module) is None
    assert as_dequantized(None, module) is None


numbers = npst.arrays(np.uint8, st.just((3, 4)))
zeros = npst.arrays(np.uint8, st.sampled_from([(), (3,)]))


@given(numbers, zeros)
def test_less_a_zero_point_it_is_a_byte_or_nothing(stored: np.ndarray[Any, Any], zero: Any) -> None:
    want = stored.astype(int) - (zero[:, None] if zero.ndim else zero).astype(int)
    got = less_zero_point(stored, zero, 0)
    if not zero.any():
        assert got is stored
    elif got is None:
        assert want.min() < -128 or want.max() > 127
    else:
        assert got.dtype == np.int8 and got.tolist() == want.tolist()


def test_no_numbers_less_a_zero_point_fit() -> None:
    got = less_zero_point(np.zeros((0, 4), np.uint8), np.array(200), 0)
    assert got is not None and got.shape == (0, 4) and got.dtype == np.int8


@pytest.mark.parametrize(("axis", "shape"), [(0, (3, 1, 1)), (1, (1, 3, 1)), (2, (1, 1, 3))])
def test_numbers_along_an_axis(axis: int, shape: tuple[int, ...]) -> None:
    assert along_axis(PER_CHANNEL, axis, 3).shape == shape
    assert along_axis(np.float32(2).reshape(()), axis, 3).shape == ()
    assert positive(PER_CHANNEL) and not positive(-PER_CHANNEL)


def test_a_reshape_is_looked_through_and_no_other_op() -> None:
    net = Net()
    x = net.input("x", 2, 3)
    flat, relu = net.add(Reshape, x, shape=[6]), net.add(Relu, x)
    net.done(flat, relu)
    assert through_reshape(flat) is x and through_reshape(relu) is relu and through_reshape(x) is x
