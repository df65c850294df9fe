"""What passes are held to: which outputs are equal, and how far floats may be off."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.semantics import (
    ITERATIONS,
    ROUNDINGS,
    ROUNDINGS_PER_STEP,
    SemanticsCheck,
    allowed_roundings,
    difference,
    float_depth,
    float_types,
    random_inputs,
    rounded_outputs,
    unit_roundoff,
)
from glassrt.dialects.core.dtypes import BOOL, F16, F32, I32, I64, TF32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.unary import Neg, Sigmoid
from glassrt.testing.net import Net
from hypothesis import given
from hypothesis import strategies as st


def test_integers_must_be_equal() -> None:
    assert difference(np.array([1, 2]), np.array([1, 3]), 1.0) == "has 1 different integers"


def test_shapes_and_types_must_be_equal() -> None:
    assert difference(np.zeros(2), np.zeros((1, 2)), 1.0) is not None
    assert difference(np.zeros(2, np.float32), np.zeros(2), 1.0) is not None


def test_special_numbers_must_be_in_the_same_places() -> None:
    want = np.array([np.nan, np.inf, 1.0])
    assert difference(want.copy(), want, 0.0) is None
    assert difference(np.array([np.nan, 2.0, 1.0]), want, 1.0) is not None
    assert difference(np.array([0.0, np.inf, 1.0]), want, 1.0) is not None
    assert difference(np.array([np.nan, np.inf, np.nan]), want, 1.0) is not None


def test_inputs_take_the_optimum_sizes() -> None:
    net = Net()
    x = net.input("x", net.symbol("N", 1, 3, 8), 2)
    inputs = random_inputs(net.done(net.add(Relu, x)))
    assert inputs["x"].shape == (3, 2)


def test_integers_from_rounded_floats_may_flip() -> None:
    def build(lowered: bool) -> Module:
        net = Net()
        x = net.add(Sigmoid, net.input("x", 64))
        big = net.add(Add, x, net.const(np.float32(1000)))
        big = net.add(Cast, net.add(Cast, big, to=F16), to=big.type.dtype) if lowered else big
        flags = net.add(Cast, net.input("k", 4, dtype=I32), to=BOOL)
        return net.done(net.add(Cast, big, to=I32), flags)

    assert SemanticsCheck(build(False)).against(build(True)) is None
    assert SemanticsCheck(build(True)).against(build(False)) is not None


def test_other_outputs_are_a_difference() -> None:
    net = Net()
    x = net.input("x", 2)
    other = Net()
    y = other.input("x", 2)
    check = SemanticsCheck(net.done(net.add(Relu, x)))
    assert check.against(other.done(other.add(Relu, y), y)) is not None


@given(st.floats(0.5, 100), st.floats(-2, 2), st.floats(1e-6, 1e-1))
def test_floats_may_be_off_by_a_part_of_the_largest(largest: float, off: float, bound: float) -> None:
    want = np.array([largest, 0.0, -largest / 2])
    have = want + np.array([0.0, off * bound * largest, 0.0])
    if abs(abs(off) - 1) > 1e-3:
        assert (difference(have, want, bound) is None) == (abs(off) < 1)


def sigmoids(count: int, size: int = 4) -> Module:
    net = Net()
    value = net.input("x", size)
    for _ in range(count):
        value = net.add(Reshape, net.add(Sigmoid, value), shape=[2, size // 2])
        value = net.add(Reshape, value, shape=[size])
    return net.done(value)


@pytest.mark.parametrize("count", [0, 1, 9])
def test_only_ops_that_round_are_counted(count: int) -> None:
    module = sigmoids(count)
    assert float_depth(module) == count
    assert allowed_roundings(module) == ROUNDINGS + ROUNDINGS_PER_STEP * count**0.5


LOOP = """module @net {
  symbol T in [1, 5, 8]
  func @main(%n: tensor<i64>, %x: tensor<4xf32>) -> (tensor<4xf32>) {inputs = ["n", "x"], outputs = ["y"]} {
    %y = control.loop LIMIT, _, %x {carried = 1COUNT} : tensor<4xf32> {
      ^(%i: tensor<i64>, %v: tensor<4xf32>):
        %1 = graph.sigmoid %v : tensor<4xf32>
        %2 = graph.exp %1 : tensor<4xf32>
        control.yield %2
    }
    core.return %y
  }
}
"""


@pytest.mark.parametrize(
    ("limit", "count", "trips"), [("_", ", count = 3", 3), ("_", ", count = T", 5), ("%n", "", ITERATIONS)]
)
def test_ops_of_a_loop_are_counted_in_every_iteration(limit: str, count: str, trips: int) -> None:
    module = parse_module(LOOP.replace("LIMIT", limit).replace("COUNT", count), ALL_DIALECTS)
    assert float_depth(module) == 2 * trips


def test_the_coarsest_type_counts() -> None:
    net = Net()
    x = net.input("x", 4, 4)
    single = net.add(Matmul, x, net.const(np.ones((4, 4), np.float32)), multiply=TF32)
    module = net.done(net.add(Cast, single, to=F16), net.add(Cast, x, to=I64))
    assert float_types(module) == {F32, F16, TF32} and unit_roundoff(module) == 2.0**-11
    assert unit_roundoff(sigmoids(1)) == 2.0**-24
    whole = Net()
    assert unit_roundoff(whole.done(whole.add(Neg, whole.input("x", 4, dtype=I32)))) == 0.0


def test_outputs_that_floats_reach() -> None:
    net = Net()
    x, k = net.input("x", 4), net.input("k", 4, dtype=I32)
    module = net.done(net.add(Cast, x, to=I32), net.add(Neg, k), net.add(Cast, k, to=F32))
    assert rounded_outputs(module) == {"y", "y2"}


@pytest.mark.parametrize(("which", "size"), [("minimum", 1), ("optimum", 3), ("maximum", 8)])
def test_inputs_are_repeatable_and_of_the_size_that_is_asked_for(which: str, size: int) -> None:
    net = Net()
    n = net.symbol("N", 1, 3, 8)
    module = net.done(net.input("x", n, 2), net.input("k", n, dtype=I32), net.input("b", n, dtype=BOOL))
    one, other = (random_inputs(module, seed=3, which=which) for _ in range(2))
    assert [array.shape for array in one.values()] == [(size, 2), (size,), (size,)]
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert one["b"].dtype == np.bool_ and set(one["k"]) <= {0, 1, 2, 3}
