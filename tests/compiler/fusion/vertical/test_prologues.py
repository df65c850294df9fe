"""Prologues of large products; small ones are cases in tests/passes/fusion/prologues.ir."""

from __future__ import annotations

from typing import Any

from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.testing.net import Net

from ...fusing import fuse

RULE = "contraction-prologue"


def refusals(**switches: Any) -> set[str]:
    """Why relu is not computed while a product loads its operand, which many columns of tiles read."""
    net = Net()
    x = net.add(Relu, net.input("x", 4096, 256))
    context = fuse(net.done(net.add(Matmul, x, net.weights(256, 1536))), **switches)
    return {r.reason for r in context.ledger if r.rule == RULE and r.verdict is Verdict.REFUSED}


def test_a_wide_type_is_not_read_by_many_columns_of_tiles() -> None:
    want = "f32 would be read 12 times over: converting it to f16 once is cheaper"
    assert want in refusals(policy=PrecisionPolicy.named("fp16"))
    assert refusals() == set()
