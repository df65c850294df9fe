"""Constant folding, common subexpressions, dead code, batch norm: what they do and where they stop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import Pass, PassContext, PassManager
from glassrt.compiler.settings.options import Options
from glassrt.compiler.simplify.cse import CommonSubexpressions
from glassrt.compiler.simplify.dce import DeadCodeElimination
from glassrt.compiler.simplify.fold_batch_norm import FoldBatchNorm
from glassrt.compiler.simplify.fold_constants import FoldConstants
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Div, Mul, Sub
from glassrt.dialects.graph.constants import Constant, Dims
from glassrt.dialects.graph.contraction import Conv
from glassrt.dialects.graph.movement import Concat, Expand, Slice, Tile
from glassrt.dialects.graph.unary import Exp, Neg, Sqrt

from ...property.graphs import Net


def run(step: Pass, module: Module, **switches: Any) -> PassContext:
    context = PassContext(ALL_DIALECTS, **switches)
    PassManager([step], context, verify_each="semantics").run(module)
    return context


def names(module: Module) -> list[str]:
    return [op.name.split(".")[1] for op in module.main.block if not isinstance(op, Constant)][:-1]


class TestFolding:
    def test_chains_of_constants_fold_in_one_sweep(self) -> None:
        net = Net()
        known = net.add(Sqrt, net.add(Exp, net.add(Neg, net.weights(4))))
        module = net.done(net.add(Add, net.input("x", 4), known))
        context = run(FoldConstants(), module)
        assert names(module) == ["add"]
        assert [r.nodes for r in context.ledger] == [("neg0",), ("exp1",), ("sqrt2",)]

    def test_what_reads_an_input_stays(self) -> None:
        net = Net()
        module = net.done(net.add(Neg, net.input("x", 4)))
        run(FoldConstants(), module)
        assert names(module) == ["neg"]

    def test_constants_never_grow_beyond_the_budget(self) -> None:
        net = Net()
        wide = net.add(Expand, net.const(np.zeros((1, 1), np.float32)), shape=[1 << 20, 1 << 20])
        tiled = net.add(Tile, net.weights(8), repeats=[1 << 20])
        parts = [net.add(Slice, v, starts=[0] * v.type.rank, sizes=[1] * v.type.rank) for v in (wide, tiled)]
        module = net.done(net.add(Add, net.input("x", 1), parts[1]), net.input("z", 1, 1), parts[0])
        context = PassContext(ALL_DIALECTS, options=Options(fold_bytes=1 << 12))
        FoldConstants().run(module, context)
        assert names(module) == ["expand", "tile", "slice", "slice", "add"]
        assert [r.verdict for r in context.ledger] == [Verdict.REFUSED] * 2
        assert "bytes is larger than the budget of 4096" in next(iter(context.ledger)).reason

    def test_large_weights_may_fold_into_something_no_larger(self) -> None:
        net = Net()
        w = net.weights(64, 64)
        module = net.done(net.add(Add, net.input("x", 64, 64), net.add(Mul, w, net.const(np.float32(2)))))
        run(FoldConstants(), module, options=Options(fold_bytes=16))
        assert names(module) == ["add"]

    def test_symbolic_integers_fold_when_they_are_numbers(self) -> None:
        net = Net()
        n = net.symbol("N", 1, 2, 4)
        x = net.input("x", n)
        sizes = [net.add(Dims, values=[n]), net.add(Dims, values=[3])]
        module = net.done(x, net.add(Concat, *sizes, axis=0))
        run(FoldConstants(), module)
        assert names(module) == ["dims", "concat"]

    def test_it_can_be_switched_off(self) -> None:
        net = Net()
        module = net.done(net.add(Neg, net.weights(4)))
        run(FoldConstants(), module, disabled=frozenset({"fold-constants"}))
        assert names(module) == ["neg"]


class TestSubexpressions:
    def test_equal_work_is_done_once(self) -> None:
        net = Net()
        x = net.input("x", 4)
        left, right = (net.add(Exp, net.add(Add, x, net.weights(1))) for net.random in _twins())
        module = net.done(net.add(Mul, left, right))
        run(CommonSubexpressions(), module)
        assert names(module) == ["add", "exp", "mul"]
        exp = next(op for op in module.walk() if isinstance(op, Exp))
        assert exp.location.nodes == ("exp1", "exp3")

    def test_other_attributes_or_operands_are_other_work(self) -> None:
        net = Net()
        x = net.input("x", 4, 4)
        parts = [net.add(Slice, x, starts=[0, n], sizes=[4, 1]) for n in (0, 1)]
        flipped = [net.add(Sub, *pair) for pair in (parts, parts[::-1])]
        module = net.done(net.add(Add, *flipped))
        run(CommonSubexpressions(), module)
        assert names(module) == ["slice", "slice", "sub", "sub", "add"]


def _twins() -> list[np.random.Generator]:
    return [np.random.default_rng(3), np.random.default_rng(3)]


def test_dead_chains_go_at_once() -> None:
    net = Net()
    x = net.input("x", 4)
    net.add(Exp, net.add(Add, net.add(Neg, x), net.weights(4)))
    module = net.done(net.add(Relu, x))
    run(DeadCodeElimination(), module)
    assert [op.name for op in module.main.block] == ["graph.relu", "core.return"]


class TestBatchNorm:
    def test_into_a_convolution_with_a_bias(self) -> None:
        net = Net()
        module = net.done(net.add(Relu, net.batch_norm(net.bias(net.conv(net.input("x", 1, 3, 5, 5), 4)))))
        run(FoldBatchNorm(), module)
        assert names(module) == ["conv", "add", "relu"]
        conv = next(op for op in module.walk() if op.name == "graph.conv")
        assert conv.location.nodes == ("conv0",)

    def test_in_the_spelling_of_caffe(self) -> None:
        net = Net()
        y = net.conv(net.input("x", 1, 3, 5, 5), 4)
        y = net.add(Add, net.add(Mul, y, net.weights(4, 1, 1)), net.weights(4, 1, 1))
        y = net.add(Div, net.add(Add, y, net.weights(1, 4, 1, 1)), net.const(np.float32(3)))
        module = net.done(y)
        run(FoldBatchNorm(), module)
        assert names(module) == ["conv", "add"]

    def test_elsewhere_it_becomes_a_scale_and_a_shift(self) -> None:
        net = Net()
        module = net.done(net.batch_norm(net.add(Relu, net.input("x", 2, 3, 4))))
        run(FoldBatchNorm(), module)
        assert names(module) == ["relu", "mul", "add"]

    @pytest.mark.parametrize("why", ["read twice", "not per channel", "weights given", "grows"])
    def test_where_it_must_stay(self, why: str) -> None:
        net = Net()
        x = net.input("x", 1, 3, 5, 5)
        y = net.conv(x, 4)
        scale = net.weights(4, 1, 1)
        match why:
            case "not per channel":
                scale = net.weights(5, 5)
            case "weights given":
                y = net.add(Conv, x, net.input("w", 4, 3, 3, 3))
            case "grows":
                scale = net.weights(2, 4, 1, 1)
        scaled = net.add(Mul, y, scale)
        module = net.done(scaled, y) if why == "read twice" else net.done(scaled)
        run(FoldBatchNorm(), module)
        assert names(module) == ["conv", "mul"]

    def test_the_new_weights_are_rounded_once(self) -> None:
        net = Net()
        x = net.input("x", 1, 1, 1, 1)
        w, scale = np.float32(1.2345678), np.float32(3.3333333)
        y = net.add(Mul, net.add(Conv, x, net.const(w.reshape(1, 1, 1, 1))), net.const(scale))
        module = net.done(y)
        run(FoldBatchNorm(), module)
        result = interpret(module, {"x": np.ones((1, 1, 1, 1), np.float32)})["y"]
        assert result.item() == np.float32(np.float64(w.item()) * np.float64(scale))
