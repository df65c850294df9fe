"""graph → fused: what becomes one kernel, what does not, and what the ledger says about it."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.settings.options import Options
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul, Sub
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.normalization import Softmax
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.unary import Neg, Sigmoid, Sqrt
from glassrt.testing.net import Net

from ..fusing import fuse, image, kernels


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


class TestSwitches:
    @pytest.mark.parametrize(
        ("rule", "want"),
        [
            ("contraction-epilogue", ["contraction: conv", "loop: add relu", "row: mul softmax mul"]),
            ("row-consumer", ["contraction: conv add relu", "row: mul softmax", "loop: mul"]),
            ("row-producer", ["contraction: conv add relu", "loop: mul", "row: softmax mul"]),
        ],
    )
    def test_rules_can_be_switched_off(self, rule: str, want: list[str]) -> None:
        net = Net()
        y = net.add(Relu, net.bias(net.conv(image(net), 4)))
        branch = net.add(Softmax, net.add(Mul, net.input("z", 4, 4), net.const(np.float32(3))), axis=1)
        module = net.done(y, net.add(Mul, branch, branch))
        context = fuse(module, disabled=frozenset({rule}))
        assert kernels(module) == want
        assert any(r.rule == rule and r.verdict is Verdict.DISABLED for r in context.ledger)

    def test_the_ledger_has_nodes_and_reasons(self) -> None:
        net = Net()
        module = net.done(net.add(Cast, net.add(Relu, net.conv(image(net), 4)), to=F32))
        context = fuse(module)
        assert next(r.to_json() for r in context.ledger) == {
            "rule": "contraction-epilogue",
            "ops": ["graph.conv", "graph.relu"],
            "nodes": ["conv0", "relu1"],
            "verdict": "taken",
            "reason": "computed on the accumulator before it is stored",
            "figures": {"bytes_saved": 2 * 4 * 4 * 36, "launches_saved": 1},
            "split": 1,
        }
