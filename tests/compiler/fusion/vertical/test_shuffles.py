"""Channel shuffles in the kernels of the convolutions before them."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.emit.shuffle import Shuffle
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

RULE = "contraction-shuffle"


def shuffled(net: Net, x: Value, outer: int, perm: tuple[int, ...] = (0, 2, 1, 3, 4)) -> Value:
    batch, channels, *image = x.type.shape
    assert isinstance(channels, int)
    split = net.add(Reshape, x, shape=[batch, outer, channels // outer, *image])
    return net.add(Reshape, net.add(Transpose, split, perm=list(perm)), shape=list(x.type.shape))


def net_of(groups: int, outer: int, channels: int = 16, **changes: tuple[int, ...]) -> Module:
    """A grouped convolution, a shuffle of OUTER runs of its channels, and what reads that."""
    net = Net(seed=3)
    x = net.input("x", net.symbol("N", 1, 2, 4), 16, 5, 4)
    y = net.add(Relu, net.bias(net.conv(x, channels, 1, groups)))
    y = shuffled(net, y, outer, **changes)
    return net.done(net.conv(y, channels, 3, channels))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize(("groups", "outer"), [(4, 4), (1, 2), (2, 8), (16, 4)])
def test_the_results_go_where_the_shuffle_puts_them(groups: int, outer: int, precision: str) -> None:
    """Bit for bit as with a launch of its own: as many groups, other ones, none, and depthwise."""
    module = net_of(groups, outer)
    text, weights = print_module(module), module.resources
    inputs = random_inputs(module, seed=1, which="maximum")
    plans = [
        build(
            parse_module(text, ALL_DIALECTS, weights),
            Settings(precision=as_policy(precision), disabled=off),
        ).plan
        for off in (frozenset[str](), frozenset({RULE}))
    ]
    assert len(plans[0].spec.launches) == len(plans[1].spec.launches) - 1
    have, want = (glassrt.load(plan, device="host").run(inputs)["y"] for plan in plans)
    np.testing.assert_array_equal(have, want)


@settings(max_examples=40)
@given(st.integers(1, 4), st.integers(1, 4), st.booleans(), st.sampled_from(["fp32", "fp16"]))
def test_shuffles_keep_the_meaning(outer: int, inner: int, residual: bool, precision: str) -> None:
    net = Net()
    x = net.input("x", 2, 4, 3, 3)
    y = net.conv(x, outer * inner)
    z = net.add(Sigmoid, shuffled(net, net.add(Relu, y), outer))
    context = PassContext(ALL_DIALECTS, as_policy(precision))
    passes = passes_through("precision", REFERENCE)
    PassManager(passes, context, verify_each="semantics").run(net.done(net.add(Add, z, y) if residual else z))


@given(st.integers(1, 6), st.integers(1, 6))
def test_every_channel_is_moved_as_the_ops_move_it(outer: int, inner: int) -> None:
    net = Net()
    x = net.input("x", 1, outer * inner, 1, 1)
    shuffle = Shuffle.of(shuffled(net, x, outer))
    assert shuffle is not None
    moved = [evaluate(shuffle.moved((0, channel, 0, 0))[1], {}) for channel in range(outer * inner)]
    expected = np.arange(outer * inner).reshape(outer, inner).T.reshape(-1)
    assert [moved.index(place) for place in range(outer * inner)] == expected.tolist()


def launches(module: Module, **switches: frozenset[object]) -> list[tuple[str, ...]]:
    context = PassContext(ALL_DIALECTS, **switches)  # type: ignore[arg-type]
    module = PassManager(passes_through("fused", REFERENCE), context).run(module)
    return [op.location.nodes for op in module.main.block if isinstance(op, FusedKernel)]


def test_what_is_no_shuffle_of_channels_stays_outside() -> None:
    assert len(launches(net_of(4, 4))) == 2
    assert len(launches(net_of(4, 4, perm=(0, 1, 2, 4, 3)))) == 3  # an image turned around
    net = Net()
    y = net.conv(net.input("x", 1, 4, 3, 3), 8)
    assert len(launches(net.done(shuffled(net, y, 2), y))) == 2  # the convolution's own result is read too


def test_switches_keep_a_shuffle_apart() -> None:
    whole = launches(net_of(4, 4))[0]
    assert whole == ("conv0", "add1", "relu2", "reshape3", "transpose4", "reshape5")
    for switches in (
        {"barriers": frozenset({("conv0", "transpose4")})},
        {"barriers": frozenset({("reshape3", "transpose4")})},
        {"keep": frozenset({"relu2"})},
        {"keep": frozenset({"transpose4"})},
        {"disabled": frozenset({RULE})},
    ):
        assert launches(net_of(4, 4), **switches)[0] == ("conv0", "add1", "relu2")  # type: ignore[arg-type]
