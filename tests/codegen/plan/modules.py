"""Launch modules for tests of plans."""

from __future__ import annotations

import numpy as np
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.testing.net import Net

from ...property.concat_graphs import lowered


def small() -> Module:
    """Two products with weights of odd sizes, one of them used twice."""
    net = Net()
    n = net.symbol("N", 1, 2, 4)
    net.symbol("UNUSED", 1, 2, 3)
    w = net.const(np.arange(5, dtype=np.float32))
    x = net.linear(net.add(Mul, net.input("x", n, 5), w), 5)
    return lowered(net.done(net.linear(net.add(Add, x, w), 5)))[0]
