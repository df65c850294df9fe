"""Chains of movement as one: shared parts, and chains that are given as text (tests/passes has more)."""

from __future__ import annotations

from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.testing.net import Net

from .recognizing import PASSES, counts, run


def test_parts_of_one_stack_are_slices_of_what_it_was_made_of() -> None:
    """Queries, keys and values of [tokens, batch, 3, width], stacked along a new first axis."""
    net = Net()
    x = net.input("x", 5, 2, 36)
    stacked = net.add(Transpose, net.add(Reshape, x, shape=[5, 2, 3, 12]), perm=[2, 0, 1, 3])
    parts = []
    for index in range(3):
        part = net.add(Slice, stacked, starts=[index, 0, 0, 0], sizes=[1, 5, 2, 12])
        merged = net.add(Reshape, part, shape=[5, 6, 4])
        parts.append(net.add(Reshape, net.add(Transpose, merged, perm=[1, 0, 2]), shape=[2, 3, 5, 4]))
    module = net.done(net.add(Attention, *parts, scale=0.5))
    run(module, *PASSES)
    assert counts(module) == {"slice": 3, "reshape": 3, "transpose": 3, "attention": 1}
    cut = [op for op in module.main.block if isinstance(op, Slice)]
    assert [op.starts for op in cut] == [(0, 0, 0), (0, 0, 12), (0, 0, 24)]
    assert all(op.x is x for op in cut)
