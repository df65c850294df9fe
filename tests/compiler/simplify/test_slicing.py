"""Slices and concats: whatever is rewritten keeps its value."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.testing.net import Net
from hypothesis import given
from hypothesis import strategies as st

from ..driver.meanings import context

CUTS = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 3), st.sampled_from([1, 2, -1])), min_size=1)


@given(cuts=CUTS, window=st.tuples(st.integers(0, 9), st.integers(1, 9)))
def test_slices_of_concats_of_slices_keep_their_value(
    cuts: list[tuple[int, int, int]], window: tuple[int, int]
) -> None:
    net = Net()
    x = net.input("x", 2, 8)
    parts = []
    for start, size, step in cuts:
        inside = 0 <= start + (size - 1) * step < 8
        attributes = {"sizes": [2, size if inside else 1], "steps": [1, step if inside else 1]}
        parts.append(net.add(Slice, x, starts=[0, start], **attributes))
    joined = net.add(Concat, *parts, axis=1)
    whole = joined.type.shape[1]
    assert isinstance(whole, int)
    start = window[0] % whole
    module = net.done(net.add(Slice, joined, starts=[0, start], sizes=[2, min(window[1], whole - start)]))
    values = {"x": np.arange(16, dtype=np.float32).reshape(2, 8)}
    before = interpret(module, values)
    after = interpret(Canonicalize().run(module, context()), values)
    assert [a.tolist() for a in after.values()] == [b.tolist() for b in before.values()]
