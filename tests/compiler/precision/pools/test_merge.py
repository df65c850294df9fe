"""Pairs of a convolution and a pool, and the kernel of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.precision.pools.merge import ConvolutionAndPool, merged, pair_of, put, why_not
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net

from .layers import kernels_of, lowered, relu, stem


def pairs(module: Module) -> list[ConvolutionAndPool]:
    """The pairs of MODULE, lowered."""
    result, _ = lowered(module, merge=False)
    return [found for kernel in kernels_of(result) if (found := pair_of(kernel)) is not None]


def sigmoid(net: Net, value: Any) -> Any:
    """A sigmoid of VALUE."""
    return net.add(Sigmoid, value)


def test_a_pair_has_what_is_between() -> None:
    (pair,) = pairs(stem((relu,)))
    assert [op.name for op in pair.between] == ["graph.relu", "graph.cast"]
    assert pair.second.inputs[pair.operand] is pair.first.result and why_not(pair) is None


def test_the_pool_comes_first_and_the_rest_is_smaller() -> None:
    (pair,) = pairs(stem((relu,), behind=(relu,)))
    region, operands = merged(pair)
    conv, pool, *behind = (op for op in region if op.name != "graph.cast")
    assert isinstance(pool, MaxPool) and pool.x is conv.result
    assert operands == tuple(pair.first.inputs)
    assert all(op.result.type.shape == pool.y.type.shape for op in behind[:-1])
    assert [op.name for op in behind] == ["graph.relu", "graph.relu", "core.yield"]


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_the_numbers_stay(precision: str) -> None:
    given = {"x": np.random.default_rng(2).standard_normal((2, 3, 40, 41)).astype(np.float32)}
    made = [lowered(stem(batch=2, size=(40, 41), behind=(relu,)), precision, merge=False)[0] for _ in "12"]
    (pair,) = (found for kernel in kernels_of(made[0]) if (found := pair_of(kernel)) is not None)
    put(pair, *merged(pair))
    verify(made[0], ALL_DIALECTS)
    assert len(kernels_of(made[0])) == len(kernels_of(made[1])) - 1
    first, second = (interpret(module, given) for module in made)
    assert all(np.array_equal(first[name], second[name]) for name in second)


def test_what_the_pool_adds_becomes_an_operand() -> None:
    def scaled(net: Net, value: Any) -> Any:
        return net.add(Add, net.add(Mul, value, net.weights(32, 1, 1)), net.weights(32, 1, 1))

    (pair,) = pairs(stem((relu,), behind=(scaled,)))
    _, operands = merged(pair)
    assert len(operands) == len(pair.first.inputs) + len(pair.second.inputs) - 1


def test_a_bias_in_16_bits_is_known() -> None:
    """It is converted in the region."""
    net = Net()
    weights, bias = (net.const(np.full(shape, 0.25, np.float16)) for shape in ((32, 3, 7, 7), (32, 1, 1)))
    conv = net.add(Conv, net.input("x", 2, 3, 40, 40, dtype=F16), weights, strides=[2, 2])
    pooled = net.add(MaxPool, net.add(Add, conv, bias), kernel=[3, 3], strides=[2, 2])
    (pair,) = pairs(net.done(pooled))
    assert [op.name for op in pair.between] == ["graph.add", "graph.cast"]
    assert any(op.name == "graph.cast" and op not in pair.between for op in pair.first.body.block)
    assert why_not(pair) is None


def test_what_may_fall_is_told() -> None:
    (pair,) = pairs(stem((sigmoid,)))
    assert "graph.sigmoid may decrease" in str(why_not(pair))


def test_what_others_read_is_no_pair() -> None:
    """Neither the convolution's result, nor what is between it and the pool."""
    net = Net()
    conv = net.add(Conv, net.input("x", 16, 3, 96, 96), net.weights(32, 3, 7, 7), strides=[2, 2])
    y = net.add(Relu, conv)
    pooled = net.add(MaxPool, y, kernel=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    assert not pairs(net.done(y, pooled))
