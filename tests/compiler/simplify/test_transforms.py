"""Constant folding, common subexpressions, dead code, batch norm: what they do and where they stop."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import Pass, PassContext, PassManager
from glassrt.compiler.settings.options import Options
from glassrt.compiler.simplify.fold_batch_norm import FoldBatchNorm
from glassrt.compiler.simplify.fold_constants import FoldConstants
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.movement.expand import Expand, Tile
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.unary import Exp, Neg, Sqrt
from glassrt.testing.net import Net


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


class TestBatchNorm:
    def test_the_new_weights_are_rounded_once(self) -> None:
        net = Net()
        x = net.input("x", 1, 1, 1, 1)
        w, scale = np.float32(1.2345678), np.float32(3.3333333)
        y = net.add(Mul, net.add(Conv, x, net.const(w.reshape(1, 1, 1, 1))), net.const(scale))
        module = net.done(y)
        run(FoldBatchNorm(), module)
        result = interpret(module, {"x": np.ones((1, 1, 1, 1), np.float32)})["y"]
        assert result.item() == np.float32(np.float64(w.item()) * np.float64(scale))
