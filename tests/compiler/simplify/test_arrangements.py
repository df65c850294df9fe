"""Chains of movement as one: shared parts, and chains that are given as text (tests/passes has more)."""

from __future__ import annotations

import pytest
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.simplify import arrangements, attention_groups, product_rows, slicing
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

from ...property.rule_checks import check_meaning, check_switch, name_of
from .recognizing import PASSES, counts, run

RULES = (
    *arrangements.PATTERNS, *product_rows.PATTERNS, *attention_groups.PATTERNS, slicing.gather_slice,
)  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=name_of)
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    check_meaning(rule, data)


@pytest.mark.parametrize("rule", RULES, ids=name_of)
@settings(max_examples=5)
@given(data=st.data())
def test_a_rule_can_be_switched_off(rule: Pattern, data: st.DataObject) -> None:
    check_switch(Canonicalize(), rule, data)


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
