"""Siblings become one contraction, of which each has a slice: the same numbers, and names that stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from glassrt.compiler.fusion.horizontal.build import Group, join
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Max, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.testing.net import Net
from hypothesis import given, settings

from .joined_concats import (
    PHASES,
    both,
    same_on_host,
    sibling_nets,
)

X = np.random.default_rng(0).standard_normal((1, 16, 6, 6)).astype(np.float32)


def built(net: Net, results: Sequence[Value], ends: Sequence[Value]) -> tuple[Module, dict[str, np.ndarray]]:
    """The module with the ops of RESULTS joined, and what it gave before; outputs are ENDS."""
    module = net.done(*ends)
    before = interpret(module, {"x": X})
    group = Group.of([value.producer for value in results], module)  # type: ignore[misc]
    join(group, module, group.siblings[0])
    verify(module, ALL_DIALECTS)
    return module, before


def steps(module: Module) -> list[str]:
    return [op.name.removeprefix("graph.") for op in module.main.block if not isinstance(op, Constant)][:-1]


def test_weights_stand_side_by_side_and_results_are_slices() -> None:
    net = Net()
    x = net.input("x", 1, 16, 6, 6)
    convolutions = [net.conv(x, count, 3) for count in (8, 24, 16)]
    convolutions[1].hint, convolutions[1].tensor = "middle", "middle of the model"
    module, before = built(net, convolutions, convolutions)
    assert steps(module) == ["conv", "slice", "slice", "slice"]
    (conv,) = [op for op in module.main.block if isinstance(op, Conv)]
    assert conv.w.type.shape == (48, 16, 3, 3) and conv.location.nodes == ("conv0", "conv1", "conv2")
    slices = [op for op in module.main.block if isinstance(op, Slice)]
    assert [(op.starts[1], op.sizes[1], op.location.nodes) for op in slices] == [
        (0, 8, ("conv0",)), (8, 24, ("conv1",)), (32, 16, ("conv2",)),
    ]  # fmt: skip
    assert (slices[1].result.hint, slices[1].result.tensor) == ("middle", "middle of the model")
    for name, array in interpret(module, {"x": X}).items():
        np.testing.assert_allclose(array, before[name], rtol=1e-5, atol=1e-5)


def test_steps_that_all_share_are_done_once_and_relus_of_some_by_a_floor() -> None:
    net = Net()
    x = net.input("x", 1, 16, 6, 6)
    convolutions = [net.conv(x, count, 1) for count in (8, 16)]
    half = net.const(np.float32(0.5))
    biased = [net.add(Mul, net.bias(value), half) for value in convolutions]
    ends = [net.add(Relu, biased[0]), biased[1]]
    module, before = built(net, convolutions, ends)
    assert steps(module) == ["conv", "add", "mul", "max", "slice", "slice"]
    (floor,) = [op for op in module.main.block if isinstance(op, Max)]
    held = floor.inputs[1].producer
    assert isinstance(held, Constant)
    assert held.array(module).reshape(-1).tolist() == [0.0] * 8 + [-np.inf] * 16
    for name, array in interpret(module, {"x": X}).items():
        np.testing.assert_allclose(array, before[name], rtol=1e-5, atol=1e-5)
        assert (array.min() >= 0) == (name == "y")


def test_a_bias_of_some_is_minus_zero_for_the_others() -> None:
    """As in Whisper, whose keys have none: so zeros keep their signs."""
    net = Net()
    x = net.input("x", 1, 16, 6, 6)
    products = [net.add(Matmul, x, net.weights(6, count)) for count in (8, 16, 8)]
    halves = net.const(np.float32(0.5))
    queries = net.add(Mul, net.add(Add, net.weights(8), products[0]), halves)
    keys = net.add(Mul, products[1], halves)
    values = net.add(Mul, net.add(Add, products[2], net.const(np.float32(3))), halves)
    module, before = built(net, products, [queries, keys, values])
    assert steps(module) == ["matmul", "add", "mul", "slice", "slice", "slice"]
    (add,) = [op for op in module.main.block if isinstance(op, Add)]
    held = add.y.producer
    assert isinstance(held, Constant)
    middle, last = held.array(module)[8:24], held.array(module)[24:]
    assert (middle == 0).all() and np.signbit(middle).all() and (last == 3).all()
    for name, array in interpret(module, {"x": X}).items():
        np.testing.assert_allclose(array, before[name], rtol=1e-5, atol=1e-5)


def test_what_is_added_to_rows_is_no_bias() -> None:
    net = Net()
    x = net.input("x", 1, 16, 6, 6)
    products = [net.add(Matmul, x, net.weights(6, 8)) for _ in range(2)]
    moved = net.add(Add, products[0], net.weights(6, 1))
    module, _ = built(net, products, [moved, products[1]])
    assert steps(module) == ["matmul", "slice", "slice", "add"]


@pytest.mark.parametrize("transposed", [False, True])
def test_products_are_joined_along_their_columns(transposed: bool) -> None:
    net = Net()
    x = net.input("x", 1, 16, 6, 6)
    shapes = [(4, 6), (10, 6)] if transposed else [(6, 4), (6, 10)]
    products = [net.add(Matmul, x, net.weights(*shape), transpose_b=transposed) for shape in shapes]
    module, before = built(net, products, products)
    (product,) = [op for op in module.main.block if isinstance(op, Matmul)]
    assert product.b.type.shape == ((14, 6) if transposed else (6, 14))
    for name, array in interpret(module, {"x": X}).items():
        np.testing.assert_allclose(array, before[name], rtol=1e-5, atol=1e-5)


def test_channels_come_in_the_order_that_is_asked_for() -> None:
    net = Net()
    x = net.input("x", 1, 16, 6, 6)
    a, b = (net.conv(x, count, 1) for count in (8, 16))
    module = net.done(a, b)
    group = Group.of([a.producer, b.producer], module)  # type: ignore[list-item]
    assert group.axis == 1 and group.ends == [a, b]
    turned = group.ordered([b, a], module)
    assert turned.ends == [b, a] and turned.siblings == [b.producer, a.producer]


@settings(max_examples=2, phases=PHASES)
@given(module=sibling_nets())
def test_joining_changes_no_result_on_the_host(module: Module) -> None:
    text = print_module(module)
    on, off, _ = both(lambda: parse_module(text, ALL_DIALECTS, module.resources), "fp32")
    same_on_host(on, off)
