"""Rewrites of branches and loops from ONNX: what is left of them."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.compiler.simplify.control_flow import PATTERNS, UNROLLED_OPS
from glassrt.dialects.control import Loop
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.verifier import verify
from hypothesis import given
from hypothesis import strategies as st

from ...property.rule_checks import check_meaning, check_switch, name_of
from ..frontend.texts import imported


def loop_of(trips: int) -> Module:
    """A loop of TRIPS iterations of one op, simplified."""
    module = imported(
        f"""agraph (float[4] x) => (float[4] y) <int64 n = {{{trips}}}> {{
          y = Loop(n, , x) <body = b (int64 i, bool c, float[4] v) => (bool d, float[4] w) {{
            w = Sin(v) d = Identity(c)
          }}>
        }}"""
    )
    module = Canonicalize().run(module, PassContext(ALL_DIALECTS))
    verify(module, ALL_DIALECTS)
    return module


@pytest.mark.parametrize("trips", [0, 1, UNROLLED_OPS, UNROLLED_OPS + 1])
def test_a_loop_is_unrolled_up_to_a_number_of_ops(trips: int) -> None:
    ops = list(loop_of(trips).main.block)
    loops = [op for op in ops if isinstance(op, Loop)]
    assert len(loops) == (trips > UNROLLED_OPS)
    assert sum(op.name == "graph.sin" for op in ops) == (0 if loops else trips)


@pytest.mark.parametrize("rule", PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    check_meaning(rule, data)


@pytest.mark.parametrize("rule", PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_can_be_switched_off(rule: Pattern, data: st.DataObject) -> None:
    check_switch(Canonicalize(), rule, data)
