"""Operations on constants are evaluated, within a budget of bytes."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.settings.options import Options
from glassrt.compiler.simplify import fold_constants
from glassrt.compiler.simplify.fold_constants import FoldConstants
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.movement.expand import Expand, Tile
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.unary import Exp, Neg, Sqrt

from ...property.graphs import Net


def folded(module: Module, **switches: object) -> tuple[list[str], PassContext]:
    context = PassContext(ALL_DIALECTS, **switches)  # type: ignore[arg-type]
    FoldConstants().run(module, context)
    return [op.name for op in module.main.block], context


def chain(shape: tuple[object, ...] = (2,)) -> Module:
    """x + expand(a * b)"""
    net = Net()
    x = net.input("x", *shape)
    made = net.add(Mul, net.const(np.float32(3)), net.const(np.float32(0.5)))
    return net.done(net.add(Add, x, net.add(Expand, made, shape=shape)))


def test_a_chain_becomes_one_constant() -> None:
    module = chain()
    names, context = folded(module)
    assert "graph.mul" not in names and "graph.expand" not in names
    (total,) = [op for op in module.main.block if isinstance(op, Add)]
    held = total.operands[1].producer
    assert isinstance(held, Constant) and held.array(module).tolist() == [1.5, 1.5]
    assert [record.verdict for record in context.ledger] == [Verdict.TAKEN] * 2


@pytest.mark.parametrize(
    ("shape", "budget", "reason"),
    [
        ((1000,), 100, "4000 bytes is larger than the budget of 100"),
        ((symbol("N"),), 1 << 20, "sizes that vary"),
    ],
)
def test_what_would_grow_or_vary_stays(shape: tuple[object, ...], budget: int, reason: str) -> None:
    names, context = folded(chain(shape), options=Options(fold_bytes=budget))
    assert "graph.expand" in names and "graph.mul" not in names
    refused = [record.reason for record in context.ledger if record.verdict is Verdict.REFUSED]
    assert len(refused) == 1 and reason in refused[0]


def test_it_can_be_switched_off() -> None:
    names, _ = folded(chain(), disabled=frozenset({"fold-constants"}))
    assert "graph.mul" in names and "graph.expand" in names


@pytest.mark.parametrize(("readable", "left"), [(1 << 20, 0), (3 * 64, 2), (3 * 64 - 1, 3)])
def test_what_is_read_is_counted(monkeypatch: pytest.MonkeyPatch, readable: int, left: int) -> None:
    monkeypatch.setattr(fold_constants, "FOLDED_READS", readable)
    net = Net()
    module = net.done(*[net.add(Neg, net.weights(16)) for _ in range(5)])
    context = PassContext(ALL_DIALECTS)
    FoldConstants().run(module, context)
    assert sum(isinstance(op, Neg) for op in module.main.block) == left
    assert sum("and its limit is" in record.reason for record in context.ledger) == left


def running(module: Module) -> list[str]:
    """The ops of MODULE by name, without constants."""
    return [op.name.split(".")[1] for op in module.main.block if not isinstance(op, Constant)][:-1]


def test_chains_of_constants_fold_in_one_sweep() -> None:
    net = Net()
    known = net.add(Sqrt, net.add(Exp, net.add(Neg, net.weights(4))))
    module = net.done(net.add(Add, net.input("x", 4), known))
    _, context = folded(module)
    assert running(module) == ["add"]
    assert [r.nodes for r in context.ledger] == [("neg0",), ("exp1",), ("sqrt2",)]


def test_constants_never_grow_beyond_the_budget() -> None:
    net = Net()
    wide = net.add(Expand, net.const(np.zeros((1, 1), np.float32)), shape=[1 << 20, 1 << 20])
    tiled = net.add(Tile, net.weights(8), repeats=[1 << 20])
    parts = [net.add(Slice, v, starts=[0] * v.type.rank, sizes=[1] * v.type.rank) for v in (wide, tiled)]
    module = net.done(net.add(Add, net.input("x", 1), parts[1]), net.input("z", 1, 1), parts[0])
    _, context = folded(module, options=Options(fold_bytes=1 << 12))
    assert running(module) == ["expand", "tile", "slice", "slice", "add"]
    assert [r.verdict for r in context.ledger] == [Verdict.REFUSED] * 2
    assert "bytes is larger than the budget of 4096" in next(iter(context.ledger)).reason


def test_large_weights_may_fold_into_something_no_larger() -> None:
    net = Net()
    w = net.weights(64, 64)
    module = net.done(net.add(Add, net.input("x", 64, 64), net.add(Mul, w, net.const(np.float32(2)))))
    folded(module, options=Options(fold_bytes=16))
    assert running(module) == ["add"]
