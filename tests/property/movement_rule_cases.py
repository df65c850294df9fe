"""For every rewrite rule on chains of data movement a generator of nets that it applies to."""

from __future__ import annotations

import numpy as np
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.movement.expand import Expand
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.testing.net import Net
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .rule_cases import CASES as CASES
from .rule_cases import case
from .rule_cases import nets_for as nets_for


@case("gather-slice")
def _gather_slice(draw: DrawFn, net: Net) -> Value:
    axis = draw(st.integers(0, 2))
    first, count = draw(st.sampled_from([(0, 2), (1, 3), (3, 1), (-1, 1), (-4, 4), (-3, 2)]))
    indices = np.arange(first, first + count)
    if count == 1 and draw(st.booleans()):
        indices = indices[0]
    return net.add(Gather, net.input("x", 4, 4, 4), net.const(indices), axis=axis)


@case("moves-as-one")
def _moves_as_one(draw: DrawFn, net: Net) -> Value:
    """A part of a stack, in which heads are merged with the batch and split again."""
    tokens, batch, count, heads, features = (draw(st.integers(2, 3)) for _ in range(5))
    x = net.input("x", tokens, batch, count * heads * features)
    split = net.add(Reshape, x, shape=[tokens, batch, count, heads * features])
    stack = net.add(Transpose, split, perm=[2, 0, 1, 3])
    start = draw(st.integers(0, count - 1))
    part = net.add(Slice, stack, starts=[start, 0, 0, 0], sizes=[1, *stack.type.shape[1:]])
    merged = net.add(Reshape, part, shape=[tokens, batch * heads, features])
    turned = net.add(Transpose, merged, perm=draw(st.sampled_from([[1, 0, 2], [1, 2, 0], [2, 1, 0]])))
    return net.add(Reshape, turned, shape=[*turned.type.shape, 1]) if draw(st.booleans()) else turned


@case("product-rows")
def _product_rows(draw: DrawFn, net: Net) -> Value:
    """A product of turned or flattened rows, put back for a sum."""
    tokens, batch, features = (draw(st.integers(2, 3)) for _ in range(3))
    x, turns, flattens = net.input("x", batch, tokens, features), draw(st.booleans()), draw(st.booleans())
    rows = net.add(Transpose, x, perm=[1, 0, 2]) if turns else x
    if flattens or not turns:
        rows = net.add(Reshape, rows, shape=[tokens * batch, features])
    y = net.linear(rows, 4)
    y = net.add(Reshape, y, shape=[*((tokens, batch) if turns else (batch, tokens)), 4])
    return net.add(
        Add, net.input("z", batch, tokens, 4), net.add(Transpose, y, perm=[1, 0, 2]) if turns else y
    )


@case("attention-groups")
def _attention_groups(draw: DrawFn, net: Net) -> Value:
    """Keys, values and perhaps a mask that are repeated for the heads of a group."""
    groups, queries, keys = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    q = net.input("q", 2, groups, 2, queries, 4)
    k, v = (
        net.add(Expand, net.input(name, 2, groups, 1, keys, 4), shape=[2, groups, 2, keys, 4])
        for name in "kv"
    )
    shape = draw(st.sampled_from([None, (groups, 1, queries, keys), (groups, 1, 1, 1), (1, keys)]))
    mask = None if shape is None else net.input("m", *shape)
    if mask is not None and draw(st.booleans()):
        mask = net.add(Expand, mask, shape=[2, groups, 2, queries, keys])
    return net.add(Attention, q, k, v, mask, scale=0.5)


@case("attention-batches")
def _attention_batches(draw: DrawFn, net: Net) -> Value:
    """Heads that are merged with the batch, out of a packed projection."""
    tokens, batch, heads = draw(st.integers(1, 3)), draw(st.integers(2, 3)), draw(st.integers(2, 3))
    x = net.input("x", tokens, batch, 3 * heads * 4)
    parts = []
    for index in range(3):
        starts, sizes = [0, 0, index * heads * 4], [tokens, batch, heads * 4]
        part = net.add(
            Reshape, net.add(Slice, x, starts=starts, sizes=sizes), shape=[tokens, batch * heads, 4]
        )
        parts.append(net.add(Transpose, part, perm=[1, 0, 2]))
    mask = draw(st.sampled_from([None, (batch * heads, 1, tokens), (tokens,)]))
    return net.add(Attention, *parts, None if mask is None else net.input("m", *mask), scale=0.5)
