"""Folding ends where it has read enough constants: what is cheap once may come thousands of times."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.simplify import fold_constants
from glassrt.compiler.simplify.fold_constants import FoldConstants
from glassrt.dialects.graph.unary import Neg

from ...property.graphs import Net


@pytest.mark.parametrize(("readable", "left"), [(1 << 20, 0), (3 * 64, 2), (3 * 64 - 1, 3)])
def test_what_is_read_is_counted(monkeypatch: pytest.MonkeyPatch, readable: int, left: int) -> None:
    monkeypatch.setattr(fold_constants, "FOLDED_READS", readable)
    net = Net()
    module = net.done(*[net.add(Neg, net.weights(16)) for _ in range(5)])
    context = PassContext(ALL_DIALECTS)
    FoldConstants().run(module, context)
    assert sum(isinstance(op, Neg) for op in module.main.block) == left
    assert sum("which is enough" in record.reason for record in context.ledger) == left
