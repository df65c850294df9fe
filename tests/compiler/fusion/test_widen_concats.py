"""Concats that joined siblings are written into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.fusion.graph_to_fused import GraphToFused
from glassrt.compiler.fusion.widen_concats import WidenConcats
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.unary import Exp
from glassrt.testing.net import Net

from ...property.concat_graphs import SEPARATE, lowered
from .horizontal.joined_concats import (
    RULE,
    SIZE,
    both,
    decided,
    launches,
    moving,
    same_on_host,
    siblings,
    start,
)


def read_elsewhere() -> Module:
    """concat(a, b, conv(b)) with b added elsewhere."""
    net = Net()
    a, b = siblings(net, start(net), 16, 16)
    y = net.add(Relu, net.add(Concat, a, b, net.conv(b, 16), axis=1))
    return net.done(net.conv(net.add(Add, net.conv(y, 16), b), 8))


def residual_slice() -> Module:
    """A residual that is a slice of a concat of siblings."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 16)
    y = net.add(Concat, a, b, net.conv(b, 16), axis=1)
    part = net.add(Slice, y, starts=[0, 0, 0, 0], sizes=[x.type.shape[0], 16, SIZE, SIZE])
    return net.done(net.conv(net.add(Add, net.add(Relu, net.bias(net.conv(y, 16))), part), 8))


def residual_across() -> Module:
    """A residual that is the end of one sibling and the beginning of the next, in a concat of both."""
    net = Net()
    x = start(net)
    y = net.add(Concat, *siblings(net, x, 16, 16), axis=1)
    part = net.add(Slice, y, starts=[0, 8, 0, 0], sizes=[x.type.shape[0], 16, SIZE, SIZE])
    return net.done(net.conv(net.add(Add, net.conv(y, 16), part), 8))


def in_the_middle() -> Module:
    """All siblings inside a concat, in another order than in the program, and one read elsewhere."""
    net = Net()
    x = start(net)
    a, b = siblings(net, x, 16, 8)
    whole = net.add(Concat, net.conv(x, 16), b, a, net.conv(x, 8, 5), axis=1)
    return net.done(net.conv(whole, 8), net.conv(b, 8))


def at_the_edge() -> Module:
    """One of three siblings begins a concat, and is a residual too."""
    net = Net()
    a, b, c = siblings(net, start(net), 16, 16, 16)
    whole = net.add(Concat, a, net.conv(b, 16), axis=1)
    return net.done(net.conv(whole, 8), net.conv(net.add(Add, net.conv(c, 16), a), 8))


IN_PLACE = (read_elsewhere, residual_slice, residual_across, in_the_middle, at_the_edge)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("make", IN_PLACE)
def test_joined_siblings_are_written_into_their_concat(make: Callable[[], Module], precision: str) -> None:
    on, off, context = both(make, precision)
    assert [r.verdict for r in decided(context, RULE) if r.figures] == [Verdict.TAKEN]
    assert len(launches(on)) < len(launches(off))
    assert moving(on) == []
    if precision == "fp32":
        same_on_host(on, off)


@pytest.mark.parametrize("make", IN_PLACE[:2])
def test_with_every_rule_on_nothing_is_copied(make: Callable[[], Module]) -> None:
    on, _ = lowered(make(), "fp16")
    off, _ = lowered(make(), "fp16", disabled=frozenset({RULE}))
    assert moving(on) == []
    assert len(launches(on)) <= len(launches(off))


@pytest.mark.parametrize(
    ("switches", "reason"),
    [
        ({"barriers": frozenset({("conv1", "concat5")})}, "fusing conv1 with concat5 is switched off"),
        ({"keep": frozenset({"conv1"})}, "the result of conv1 is to be kept"),
        ({}, "graph.concat is marked nofuse"),
        ({}, "operand 0 of graph.concat is marked nofuse"),
        ({}, "operand 1 of graph.concat is marked nofuse"),
        ({}, None),
    ],
)
def test_what_is_switched_off_is_not_widened(switches: dict[str, Any], reason: str | None) -> None:
    """The joined value that a switch keeps out of a concat is not written into it with the rest."""
    module = at_the_edge()
    policy = PrecisionPolicy.named("fp16")
    passes = (*passes_to("graph", REFERENCE), GraphToFused(REFERENCE))
    module = PassManager(passes, PassContext(ALL_DIALECTS, policy)).run(module)
    context = PassContext(ALL_DIALECTS, policy, **switches)
    (concat,) = (op for op in module.walk() if isinstance(op, Concat))
    if reason and reason.endswith("nofuse"):
        concat.attributes["nofuse"] = (int(reason.split()[1]),) if reason.startswith("operand") else True
    text = print_module(module)
    module = PassManager([WidenConcats()], context, verify_each="semantics").run(module)
    (record,) = decided(context, WidenConcats.name)
    if reason is None:
        assert record.verdict is Verdict.TAKEN and print_module(module) != text
    else:
        assert (record.verdict, record.reason) == (Verdict.DISABLED, reason)
        assert print_module(module) == text


def test_a_concat_that_is_not_elided_says_why() -> None:
    net = Net()
    x = start(net)
    both_read = net.add(Exp, x)  # in no kernel yet, so that the pool takes it in with the concat
    whole = net.add(Concat, net.conv(x, 16), both_read, axis=1)
    pooled = net.add(MaxPool, net.add(Relu, whole), kernel=[2, 2])
    _, context = lowered(net.done(net.conv(pooled, 8)), disabled=SEPARATE)
    (record,) = decided(context, "elide-concat")
    assert (record.verdict, record.consumers) == (Verdict.REFUSED, ("concat3", "relu4", "max_pool5"))
    assert record.reason == "its kernel computes graph.relu, graph.max_pool as well"
