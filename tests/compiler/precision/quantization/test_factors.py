"""Factors that move before a tensor: what is multiplied by them is the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.compiler.precision.quantization.factors import scaled_before
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.normalization import LayerNorm, RmsNorm
from glassrt.dialects.graph.unary import Exp
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

BATCH, TOKENS, HEADS, WIDTH = 2, 6, 2, 4
FEATURES = HEADS * WIDTH


def heads(net: Net, x: Value) -> Value:
    return net.add(Transpose, net.add(Reshape, x, shape=[BATCH, TOKENS, HEADS, WIDTH]), perm=[0, 2, 1, 3])


def attended(net: Net, x: Value) -> Value:
    """Attention as encoders have it: projections, heads apart, and joined again."""
    q, k, v = (heads(net, net.linear(x, FEATURES)) for _ in range(3))
    y = net.add(Transpose, net.add(Attention, q, k, v, scale=0.5), perm=[0, 2, 1, 3])
    return net.add(Reshape, y, shape=[BATCH, TOKENS, FEATURES])


TAKING: dict[str, Callable[[Net, Value], Value]] = {
    "layer_norm": lambda net, x: net.add(LayerNorm, x, net.weights(FEATURES), net.weights(FEATURES), axis=2),
    "without a bias": lambda net, x: net.add(LayerNorm, x, net.weights(1), None, axis=1),
    "rms_norm": lambda net, x: net.add(RmsNorm, x, net.weights(FEATURES), axis=2),
    "linear": lambda net, x: net.linear(x, FEATURES),
    "transposed weights": lambda net, x: net.add(
        Matmul, x, net.weights(FEATURES, FEATURES), transpose_b=True
    ),
    "a bias first": lambda net, x: net.add(Add, net.weights(1, FEATURES), net.linear(x, FEATURES)),
    "relu": lambda net, x: net.add(Relu, net.linear(x, FEATURES)),
    "attention": attended,
}
REFUSING: dict[str, Callable[[Net, Value], Value]] = {
    "an input": lambda net, x: x,
    "a function": lambda net, x: net.add(Exp, net.linear(x, FEATURES)),
    "another reader": lambda net, x: net.add(Add, y := net.linear(x, FEATURES), y),
    "sums of features": lambda net, x: net.add(
        Reshape, net.linear(net.add(Reshape, x, shape=[BATCH, 2, 3 * FEATURES]), 3 * FEATURES),
        shape=[BATCH, TOKENS, FEATURES],
    ),
}  # fmt: skip


@given(name=st.sampled_from(sorted(TAKING)), seed=st.integers(0, 2**16))
@settings(max_examples=25, deadline=None)
def test_powers_of_two_move_without_any_rounding(name: str, seed: int) -> None:
    net = Net(seed=seed)
    y = TAKING[name](net, net.input("x", BATCH, TOKENS, FEATURES))
    module = net.done(y)
    before, random = clone_module(module), np.random.default_rng(seed)
    factors = np.ldexp(1.0, random.integers(-4, 5, (1, 1, FEATURES)))
    changes = scaled_before(y, factors, module)
    assert changes is not None
    for change in changes:
        change.apply(module)
    data = {"x": random.standard_normal((BATCH, TOKENS, FEATURES), np.float32)}
    (want,), (have,) = (interpret(each, data).values() for each in (before, module))
    assert np.array_equal(have, want * factors.astype(np.float32))


@pytest.mark.parametrize("name", REFUSING)
def test_what_takes_none(name: str) -> None:
    net = Net()
    y = REFUSING[name](net, net.input("x", BATCH, TOKENS, FEATURES))
    factors = np.full((1, 1, FEATURES), 2.0)
    factors[..., 0] = 4.0
    assert scaled_before(y, factors, net.done(y)) is None


def test_factors_below_0_do_not_pass_a_relu() -> None:
    net = Net()
    y = TAKING["relu"](net, net.input("x", BATCH, TOKENS, FEATURES))
    assert scaled_before(y, np.full((1, 1, FEATURES), -1.0), net.done(y)) is None
