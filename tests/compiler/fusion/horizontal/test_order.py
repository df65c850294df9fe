"""In which order siblings stand in their concat."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.testing.net import Net

from .joined_concats import (
    RULE,
    both,
    decided,
    launches,
    moving,
    siblings,
    start,
)


def test_those_that_need_no_copy_are_joined_without_the_others() -> None:
    def make() -> Module:
        net = Net()
        x = start(net)
        a, b, c = siblings(net, x, 16, 16, 16)
        whole = net.add(Concat, net.conv(x, 16), a, net.conv(x, 8, 5), axis=1)
        return net.done(net.conv(whole, 8), net.conv(b, 8), net.conv(c, 8))

    on, off, context = both(make, "fp16")
    found = {r.verdict: r.nodes for r in decided(context, RULE) if r.figures}
    assert found == {
        Verdict.TAKEN: ("conv2", "conv3"),
        Verdict.REFUSED: ("conv1", "conv2", "conv3"),
    }
    assert len(launches(on)) == len(launches(off)) - 1
    assert moving(on) == []


def test_neighbours_at_one_end_of_a_concat_are_joined_without_the_one_at_the_other() -> None:
    def make() -> Module:
        net = Net()
        x = start(net)
        a, b, c = siblings(net, x, 16, 16, 16)
        return net.done(net.conv(net.add(Concat, a, net.conv(x, 16), c, b, axis=1), 8))

    on, off, context = both(make, "fp16")
    found = {r.verdict: r.nodes for r in decided(context, RULE) if r.figures}
    assert {verdict: set(nodes) for verdict, nodes in found.items()} == {
        Verdict.TAKEN: {"conv2", "conv3"},
        Verdict.REFUSED: {"conv1", "conv2", "conv3"},
    }
    assert len(launches(on)) == len(launches(off)) - 1
    assert moving(on) == []


@pytest.mark.parametrize("order", ["aat", "abta", "tabb"])
def test_a_sibling_that_stands_in_a_concat_twice_is_copied_either_way(order: str) -> None:
    def make() -> Module:
        net = Net()
        x = start(net)
        a, b = siblings(net, x, 16, 16)
        values = {"a": a, "b": b, "t": net.conv(x, 16)}
        whole = net.add(Concat, *(values[name] for name in order), axis=1)
        return net.done(net.conv(whole, 8), net.conv(b, 8))

    on, off, _ = both(make, "fp16")
    assert len(launches(on)) <= len(launches(off))
