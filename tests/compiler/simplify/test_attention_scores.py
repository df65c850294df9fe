"""What lies between a product and softmax: masks in their order, and what no mask operand can express."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.simplify.attention_scores import scores_of
from glassrt.dialects.core.dtypes import BOOL, F16, F32
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Where
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Exp
from glassrt.testing.net import Net


def product(net: Net, dtype: object = F32) -> Value:
    q, k = (net.input(name, 4, 3, 5, 8, dtype=dtype) for name in "qk")
    return net.add(Matmul, q, k, transpose_b=True)


def test_masks_and_the_factors_behind_them() -> None:
    """softmax(3 * (2 * (q k^T) + m)), with windows between."""
    net = Net()
    scores = net.add(Mul, product(net), net.const(np.float32(2)))
    split = net.add(Reshape, scores, shape=[2, 2, 3, 5, 5])
    mask = net.input("m", 2, 1, 5, 5)
    masked = net.add(Mul, net.add(Add, split, mask), net.const(np.float32(3)))
    found = scores_of(net.add(Reshape, masked, shape=[4, 3, 5, 5]), net.module)
    assert found is not None and found.scale == 6 and found.leading == (2, 2, 3)
    [only] = found.masks
    assert only.value is mask and only.factor == 3 and only.leading == (2, 2, 3) and not found.selects


def filled(net: Net, scores: Value, name: str, low: float) -> Value:
    dtype = scores.type.dtype.numpy
    return net.add(Where, net.input(name, 5, 5, dtype=BOOL), scores, net.const(dtype.type(low)))


@pytest.mark.parametrize(
    ("dtype", "low", "expressed"),
    [(F32, -np.inf, True), (F32, -1e30, True), (F32, -1e9, False), (F16, -np.inf, True), (F16, -6e4, False)],
)
def test_a_condition_below_a_mask_that_is_added(dtype: object, low: float, expressed: bool) -> None:
    """Numbers that are filled in must absorb the scores in the type that these are added in."""
    net = Net()
    scores = filled(net, product(net, dtype), "c", low)
    masked = net.add(Add, scores, net.input("m", 5, 5, dtype=dtype))
    assert (scores_of(masked, net.module) is not None) == expressed
    assert scores_of(scores, net.module) is not None


def test_two_numbers() -> None:
    net = Net()
    same = filled(net, filled(net, product(net), "a", -1e9), "b", -1e9)
    found = scores_of(same, net.module)
    assert found is not None and found.selects and len(found.masks) == 2
    assert scores_of(filled(net, same, "c", -1e4), net.module) is None


def test_other_ops_are_none() -> None:
    net = Net()
    assert scores_of(net.add(Exp, product(net)), net.module) is None


def test_a_tanh_is_a_cap_with_the_factor_behind_it() -> None:
    net = Net()

    def times(value: Value, number: float) -> Value:
        return net.add(Mul, value, net.const(np.float32(number)))

    capped = net.add(Tanh, times(product(net), 0.25))
    found = scores_of(times(capped, 8), net.module)
    assert found is not None and (found.cap, found.scale) == (8, 2)
    assert scores_of(times(capped, -8), net.module) is None
    assert scores_of(net.add(Tanh, capped), net.module) is None
    masked = net.add(Add, product(net), net.input("m", 5, 5))
    assert scores_of(net.add(Tanh, masked), net.module) is None
    assert scores_of(net.add(Tanh, filled(net, product(net), "c", -1e9)), net.module) is None
