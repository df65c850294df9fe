"""Clusters of ops: how large a kernel becomes, and where it ends."""

from __future__ import annotations

from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.settings.options import Options
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net

from ...fusing import fuse, image, kernels


class TestContractions:
    def test_a_half_open_diamond_ends_before_it(self) -> None:
        net = Net()
        y = net.bias(net.conv(image(net), 4))
        gate = net.add(Sigmoid, y)
        module = net.done(net.add(Add, gate, net.add(MaxPool, y, kernel=[1, 1])))
        context = fuse(module)
        assert kernels(module) == ["contraction: conv add", "loop: sigmoid max_pool add"]
        refused = [r for r in context.ledger if r.verdict is Verdict.REFUSED]
        assert [(r.rule, r.ops[1]) for r in refused][:2] == [
            ("contraction-epilogue", "graph.sigmoid"),
            ("contraction-epilogue", "graph.max_pool"),
        ]


class TestLoops:
    def test_repeated_reads_do_not_blow_up(self) -> None:
        net = Net()
        value = net.input("x", 6, 6)
        for _ in range(20):
            value = net.add(Add, value, net.add(Transpose, value, perm=[1, 0]))
        module = net.done(value)
        fuse(module)
        statements = [len(op.body.block) for op in module.main.block if isinstance(op, FusedKernel)]
        assert len(statements) > 5
        assert max(statements) <= 12

    def test_a_kernel_has_a_limit_of_ops(self) -> None:
        net = Net()
        value = net.input("x", 4)
        for _ in range(20):
            value = net.add(Sigmoid, value)
        module = net.done(value)
        context = fuse(module, options=Options(kernel_ops=8))
        assert [len(line.split()) - 1 for line in kernels(module)] == [4, 8, 8]
        assert "the kernel already has 8 ops" in {r.reason for r in context.ledger}

    def test_a_full_kernel_ends_where_a_single_value_enters_it(self) -> None:
        net = Net()
        value = net.input("x", 4, 5)
        for _ in range(20):
            value = net.add(Add, value, net.add(Sigmoid, value))
        module = net.done(value)
        fuse(module, options=Options(kernel_ops=9))
        assert [len(line.split()) - 1 for line in kernels(module)] == [8] * 5

    def test_a_full_window_kernel_ends_there_as_well(self) -> None:
        net = Net()
        value = image(net)
        for _ in range(10):
            value = net.add(Add, value, net.add(Relu, value))
        module = net.done(net.add(MaxPool, value, kernel=[1, 1]))
        fuse(module, options=Options(kernel_ops=8))
        assert [len(line.split()) - 1 for line in kernels(module)] == [6, 8, 7]
