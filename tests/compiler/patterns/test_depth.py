"""Which of two contractions that meet in a sum runs last."""

from __future__ import annotations

from glassrt.compiler.patterns.depth import places
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.binary import Add
from glassrt.testing.net import Net


def test_the_deeper_contraction_runs_last() -> None:
    """A shortcut stands last in the program, and behind one contraction less."""
    net = Net()
    x = net.input("x", 2, 4)
    inner = net.linear(x, 4)
    outer = net.linear(inner, 4)
    shortcut = net.linear(x, 4)
    module = net.done(net.add(Add, outer, shortcut))
    place = places(module.main.block)
    first, second, third = (op for op in module.main.block if has(op, Trait.CONTRACTION))
    assert place[first] < place[third] < place[second]
