"""Which contractions of one input are siblings."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.dialects.core.ir import Value
from glassrt.testing.net import Net

from .sibling_nets import RULE, joined, ops, pooled, siblings


class TestRefusals:
    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda net, x: net.conv(x, 8, 3), "windows, strides, pads, element types or formats differ"),
            (
                lambda net, x: net.conv(x, 8, 1, strides=[2, 2]),
                "windows, strides, pads, element types or formats differ",
            ),
            (lambda net, x: net.conv(x, 8, 1, groups=2), "one of them has 2 groups"),
            (lambda net, x: net.conv(x, 12, 1), "12 channels leave slices unaligned to 8 elements"),
        ],
    )
    def test_what_does_not_fit_is_refused_with_a_reason(
        self, make: Callable[[Net, Value], Value], reason: str
    ) -> None:
        net = Net()
        x = net.input("x", 1, 16, 6, 6)
        module = net.done(pooled(net, net.conv(x, 8, 1)), pooled(net, make(net, x)))
        (record,) = joined(module)
        assert record.verdict is Verdict.REFUSED
        assert reason in record.reason
        assert record.nodes == ("conv0", "conv2")
        assert ops(module).count("conv") == 2

    def test_outputs_need_copies(self) -> None:
        net, ends = siblings(8, 8)
        (record,) = joined(net.done(*ends))
        assert record.verdict is Verdict.REFUSED
        assert record.figures["launches_saved"] == -1

    def test_the_rule_and_pairs_of_nodes_are_switched_off(self) -> None:
        for switches in ({"disabled": frozenset({RULE})}, {"barriers": frozenset({("conv2", "conv0")})}):
            net, ends = siblings(8, 8)
            module = net.done(*(pooled(net, end) for end in ends))
            (record,) = joined(module, **switches)
            assert record.verdict is Verdict.DISABLED
            assert ops(module).count("conv") == 2
