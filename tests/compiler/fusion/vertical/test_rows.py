"""Rows in kernels: long ones are left to several blocks."""

from __future__ import annotations

import pytest
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Mul, Sub
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.unary import Neg, Sqrt
from glassrt.testing.net import Net

from ...fusing import fuse, kernels


class TestRows:
    @pytest.mark.parametrize("length", [1 << 10, 1 << 20])
    def test_few_long_rows_are_left_to_several_blocks(self, length: int) -> None:
        """Then the deviations from the mean are another kernel, which also takes them before it adds up."""
        net = Net()
        x = net.input("x", 4, length)
        mean = net.add(Reduce, net.add(Relu, x), kind="mean", axes=[1])
        off = net.add(Sub, x, net.add(Neg, mean))
        variance = net.add(Reduce, net.add(Mul, off, off), kind="mean", axes=[1])
        module = net.done(net.add(Sqrt, variance))
        context = fuse(module)
        if length == 1 << 10:
            assert kernels(module) == ["row: relu reduce neg sub mul reduce sqrt"]
        else:
            assert kernels(module) == ["row: relu reduce neg", "row: sub mul reduce sqrt"]
            assert any("split across several blocks" in record.reason for record in context.ledger)
