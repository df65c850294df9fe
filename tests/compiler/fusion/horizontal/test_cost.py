"""Whether joining siblings pays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

from .joined_concats import (
    PHASES,
    RULE,
    both,
    decided,
    launches,
    moving,
    sibling_nets,
    siblings,
    start,
)
from .sibling_nets import joined


def two_concats() -> Module:
    """Siblings that two concats want, each with something that no sibling is."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    one = net.add(Concat, a, net.conv(x, 16), axis=1)
    return net.done(net.conv(one, 8), net.conv(net.add(Concat, net.conv(x, 8, 5), b, axis=1), 8))


def between_others() -> Module:
    """A sibling in the middle of a concat that the other is no part of."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    whole = net.add(Concat, net.conv(x, 16), a, net.conv(x, 8, 5), axis=1)
    return net.done(net.conv(whole, 8), net.conv(b, 8))


def along_rows() -> Module:
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    return net.done(net.conv(net.add(Concat, net.conv(x, 16), a, axis=2), 8), net.conv(b, 8))


def flattened() -> Module:
    """A product whose rows are one row in the end, which no part of a wider product is."""
    net = Net()
    x = net.linear(net.input("x", 4, 6, 16), 16)
    flat = net.add(Reshape, net.linear(x, 16), shape=[4, 96])
    return net.done(net.linear(flat, 8), net.linear(net.linear(x, 16), 8))


def at_both_ends() -> Module:
    """Siblings that begin and end one concat: what is joined can lie in one place only."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    return net.done(net.conv(net.add(Concat, a, net.conv(x, 16), b, axis=1), 8))


STAY_APART = (two_concats, between_others, along_rows, at_both_ends, flattened)


@pytest.mark.parametrize("make", STAY_APART)
def test_siblings_stay_apart_when_a_copy_would_eat_what_is_saved(make: Callable[[], Module]) -> None:
    on, off, context = both(make, "fp16")
    (record,) = (r for r in decided(context, RULE) if r.figures)
    assert record.verdict is Verdict.REFUSED
    assert record.figures["launches_saved"] == 0
    assert record.figures["microseconds_joined"] > record.figures["microseconds_apart"]
    if make is not flattened:
        assert record.figures["copies"] == 1
        assert "with a copy for each of 1 concats" in record.reason
    assert len(launches(on)) == len(launches(off))


@settings(max_examples=30, phases=PHASES)
@given(module=sibling_nets(), precision=st.sampled_from(["fp32", "fp16"]))
def test_joining_never_costs_launches(module: Module, precision: str) -> None:
    text = print_module(module)
    on, off, context = both(lambda: parse_module(text, ALL_DIALECTS, module.resources), precision)
    assert len(launches(on)) <= len(launches(off)), text
    told = {(r.rule, node) for r in context.ledger for node in r.nodes}
    for kernel in moving(on):
        names = {op.name for op in kernel.body.block}
        nodes = {node for op in kernel.body.block for node in op.location.nodes}
        if "graph.concat" in names:
            assert any(("elide-concat", node) in told for node in nodes), text


@pytest.mark.parametrize(
    ("rows", "hidden", "gates", "meets"),
    [(1, 64, True, True), (64, 64, True, False), (1, 64, False, False)],
    ids=["few rows", "many rows", "apart"],
)
def test_halves_that_meet_in_an_epilogue_are_not_stranded(
    rows: int, hidden: int, gates: bool, meets: bool
) -> None:
    """Kernels of few rows read both halves; others would leave what follows without a product."""
    net = Net()
    x = net.input("x", rows, 256)
    gate, up = (net.add(Matmul, x, net.weights(256, hidden)) for _ in range(2))
    gate = net.add(Sigmoid, gate)
    module = net.done(net.add(Mul, gate, up)) if gates else net.done(gate, net.add(Sigmoid, up))
    (record,) = joined(module)
    assert record.figures["siblings"] == 2
    assert (record.figures["launches_saved"] == 1) == meets
