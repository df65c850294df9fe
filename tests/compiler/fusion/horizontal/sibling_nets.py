"""Networks with contractions of one input."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.fusion.horizontal.contractions import HorizontalContraction
from glassrt.compiler.passes.ledger import Record
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.pool import MaxPool
from glassrt.testing.net import Net

RULE = HorizontalContraction.name


def joined(module: Module, **switches: Any) -> list[Record]:
    """Run the pass, holding its result against the interpreter; its records."""
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"), **switches)
    PassManager([HorizontalContraction(REFERENCE)], context, verify_each="semantics").run(module)
    return [record for record in context.ledger if record.rule == RULE]


def ops(module: Module) -> list[str]:
    """The ops of MODULE by name, without constants."""
    kept = [op for op in module.main.block if op.next is not None and not has(op, Trait.CONSTANT)]
    return [op.name.removeprefix("graph.") for op in kept]


def pooled(net: Net, value: Value) -> Value:
    """Something that reads VALUE and is no part of a contraction's kernel."""
    return net.add(MaxPool, value, kernel=[2, 2])


def siblings(*channels: int, size: int = 1) -> tuple[Net, list[Value]]:
    """Convolutions of one input, each with a bias."""
    net = Net()
    x = net.input("x", 1, 16, 6, 6)
    return net, [net.bias(net.conv(x, count, size)) for count in channels]
