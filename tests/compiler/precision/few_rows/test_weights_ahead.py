"""Weights that come to the cache before their product: as an operand of the product before it."""

from __future__ import annotations

from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.precision.few_rows.weights_ahead import AHEAD, weights_of
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.contraction import Matmul
from glassrt.testing.net import Net

from .blocks import block, kernels_of, lowered

RULES = frozenset({AHEAD})


def test_the_weights_of_the_next_product_are_an_operand_that_no_op_reads() -> None:
    module, (record,) = lowered(block(), rules=RULES)
    verify(module, ALL_DIALECTS)
    first, second = kernels_of(module)
    assert record.verdict is Verdict.TAKEN
    assert first.inputs[-1] is weights_of(second) is not weights_of(first)
    assert not first.body.block.arguments[-1].uses
    assert second.inputs.count(first.inputs[-1]) == 1 and len(second.inputs) == 3


def test_the_rule_may_be_switched_off() -> None:
    module, (record,) = lowered(block(), rules=RULES, disabled=RULES)
    first, second = kernels_of(module)
    assert record.verdict is Verdict.DISABLED and weights_of(second) not in first.inputs


def test_weights_that_both_read_are_not_brought_again() -> None:
    net = Net()
    y, w = net.input("x", 1, 1024), net.weights(1024, 1024)
    for _ in range(3):
        y = net.add(Matmul, y, w)
    module, records = lowered(net.done(y), rules=RULES)
    assert [record.verdict for record in records] == [Verdict.REFUSED]
    assert all(len(kernel.inputs) == 2 for kernel in kernels_of(module))


def test_other_targets_and_many_rows_bring_none() -> None:
    assert not lowered(block(rows=64), rules=RULES)[1] and not lowered(block(), "sm_80", rules=RULES)[1]
