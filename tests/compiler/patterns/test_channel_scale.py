"""Scales per output channel, folded into weights: the scaled contraction is the contraction, scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.patterns.channel_scale import (
    Contraction,
    broadcast_along,
    by_channel,
    channel_axis,
    per_channel,
    scalable,
    scaled_contraction,
    shifted,
    weight_axis,
    weight_of,
)
from glassrt.compiler.patterns.rewrite import Rewriter, pattern, rewrite
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv, ConvTranspose
from glassrt.testing.net import Net

Array = np.ndarray[Any, Any]


def conv(net: Net, x: Value) -> Value:
    return net.conv(x, 6)


def grouped(net: Net, x: Value) -> Value:
    return net.conv(x, 6, groups=2)


def transposed(net: Net, x: Value) -> Value:
    return net.add(ConvTranspose, x, net.weights(4, 6, 2, 2))


def grouped_transposed(net: Net, x: Value) -> Value:
    return net.add(ConvTranspose, x, net.weights(4, 3, 2, 2), groups=2)


def matmul(net: Net, x: Value) -> Value:
    return net.add(Matmul, x, net.weights(4, 6))


def turned_matmul(net: Net, x: Value) -> Value:
    return net.add(Matmul, x, net.weights(6, 4), transpose_b=True)


KINDS = [conv, grouped, transposed, grouped_transposed, matmul, turned_matmul]


def made(kind: Any) -> tuple[Module, Contraction, Array]:
    """A module of one contraction with six output channels, and its input."""
    net = Net()
    x = net.input("x", 2, 4, 3, 4)
    module = net.done(kind(net, x))
    (op,) = [op for op in module.main.block if isinstance(op, (Conv, ConvTranspose, Matmul))]
    return module, op, np.random.default_rng(1).standard_normal((2, 4, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_scaling_weights_scales_the_result(kind: Any) -> None:
    module, op, x = made(kind)
    scale = np.array([0.5, -1, 2, 0, 3, 1.25])
    axis = channel_axis(op)
    want = interpret(module, {"x": x})["y"] * np.expand_dims(scale, tuple(a for a in range(4) if a != axis))

    @pattern("scale", Conv, ConvTranspose, Matmul)
    def scaled(op: Contraction, rewriter: Rewriter) -> bool:
        """once"""
        if applied:
            return False
        applied.append(op)
        rewriter.replace(op, scaled_contraction(op, scale, rewriter).result)
        return True

    applied: list[Contraction] = []
    rewrite(module, [scaled])
    np.testing.assert_allclose(interpret(module, {"x": x})["y"], want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_by_channel_are_those_that_make_the_channel(kind: Any) -> None:
    """Where all weights of the others are zero, only that channel is not."""
    module, op, x = made(kind)
    producer: Any = weight_of(op).producer
    weights = producer.array(module)
    rows = by_channel(op, weights)
    assert rows.shape == (6, weights.size // 6) and sorted(rows.ravel()) == sorted(weights.ravel())
    places = by_channel(op, np.arange(weights.size).reshape(weights.shape))
    one = np.zeros(weights.size, np.float32)
    one[places[2]] = weights.ravel()[places[2]]
    producer.weight = None if producer.weight is None else module.resources.add(one.reshape(weights.shape))
    if producer.weight is None:
        producer.value = one.reshape(weights.shape)
    result = np.moveaxis(interpret(module, {"x": x})["y"], channel_axis(op), 0)
    assert [bool(channel.any()) for channel in result] == [number == 2 for number in range(6)]
    if not isinstance(op, ConvTranspose):
        assert weights.shape[weight_axis(op)] == 6


def constant_of(array: Any) -> tuple[Value, Module]:
    net = Net()
    return net.const(np.asarray(array, np.float32)), net.module


@pytest.mark.parametrize(
    ("shape", "axis", "found"),
    [
        ((), 1, [1, 1, 1]),
        ((1,), 1, [1, 1, 1]),
        ((3, 1, 1), 1, [1, 2, 3]),
        ((1, 3, 1, 1), 1, [1, 2, 3]),
        ((3,), 3, [1, 2, 3]),
        ((3,), 1, None),  # along another axis
        ((2, 3, 1, 1), 1, None),  # and along the batch
        ((1, 1, 3, 1, 1), 1, None),  # it would broadcast the result
        ((2, 1, 1), 1, None),
    ],
)
def test_constants_per_channel(shape: tuple[int, ...], axis: int, found: list[int] | None) -> None:
    numbers = np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)
    value, module = constant_of(numbers)
    sizes: list[Any] = [5, 5, 5, 5]
    sizes[axis] = 3
    got = per_channel(value, TensorType(tuple(sizes), F32), axis, module)
    assert (None if got is None else got.tolist()) == found


def test_what_is_not_constant_or_of_unknown_channels_has_no_scale() -> None:
    net = Net()
    module = net.module
    assert per_channel(net.input("x", 3, 1, 1), TensorType((2, 3, 4, 4), F32), 1, module) is None
    value, module = constant_of([1.0])
    assert per_channel(value, TensorType((2, symbol("C"), 4, 4), F32), 1, module) is None


def test_only_a_contraction_with_constant_weights_and_one_reader_is_scaled() -> None:
    net = Net()
    x = net.input("x", 2, 4, 3, 4)
    alone, shared = net.conv(x, 6), net.conv(x, 6)
    given = net.add(Matmul, x, net.input("w", 4, 6))
    module = net.done(alone, shared, shared, given, net.add(Add, x, x))
    assert scalable(alone, module) is alone.producer
    assert [scalable(value, module) for value in (shared, given, x, None, module.main.returned[-1])] == [
        None
    ] * 5


def test_numbers_stand_along_their_axis() -> None:
    assert broadcast_along(1, 4, np.arange(3.0), np.float16).shape == (3, 1, 1)
    assert broadcast_along(3, 4, np.arange(3.0), np.float16).shape == (3,)
    assert broadcast_along(1, 4, np.array([1e9]), np.float16).item() == np.inf


@pytest.mark.parametrize(("numbers", "added"), [([0.0, 0.0, 0.0], False), ([1.0, 0.0, -2.0], True)])
def test_a_shift_of_zeros_is_none(numbers: list[float], added: bool) -> None:
    net = Net()
    x = net.input("x", 2, 3, 2)
    module = net.done(net.add(Add, x, x))
    seen: list[Value] = []

    @pattern("shift", Add)
    def shift(op: Add, rewriter: Rewriter) -> bool:
        """once"""
        if seen:
            return False
        seen.append(shifted(op.x, 1, np.array(numbers), rewriter, Add))
        rewriter.replace(op, seen[0])
        return True

    rewrite(module, [shift])
    assert (seen[0] is not x) == added
    array = np.random.default_rng(0).standard_normal((2, 3, 2)).astype(np.float32)
    want = array + np.array(numbers, np.float32)[:, None]
    np.testing.assert_array_equal(interpret(module, {"x": array})["y"], want)
