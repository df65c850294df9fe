"""Small independent launches, which become one group."""

from __future__ import annotations

from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.launch import Kernel
from glassrt.testing.net import Net

APART = frozenset({"group-launches"})


def side_by_side() -> Module:
    """Small independent launches, which become one group."""
    net = Net()
    rows = [net.add(Softmax, net.input(f"x{i}", 4, 8 + i), axis=1) for i in range(3)]
    return net.done(*rows)


def launches(module: Module) -> list[Kernel]:
    return [op for op in module.main.block if isinstance(op, Kernel)]
