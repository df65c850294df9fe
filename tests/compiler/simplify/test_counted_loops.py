"""Loops that count by themselves, and what they count."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.compiler.simplify.counted_loops import PATTERNS
from glassrt.dialects.control import Loop
from hypothesis import given
from hypothesis import strategies as st

from ...property.rule_checks import check_meaning, name_of
from ..frontend.texts import imported

LOOP = """agraph (float[T,4] x, float[4] s, int64 more) => (float[4] y, float[N,4] all)
<int64 one = {{1}}, int64 nil = {{0}}> {{
  sizes = Shape<end=1>(x) trips = ReduceMax<keepdims=0>(sizes)
  at, y, all = Loop(, , {first}, s) <body = b (int64 i, bool c, int64 n, float[4] v)
      => (bool d, int64 m, float[4] w, float[4] e) {{
    row = Gather(x, n) w = Add(v, row) e = Neg(w) m = Add(n, one) {test}
  }}>
}}"""


@pytest.mark.parametrize("rule", PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    check_meaning(rule, data)


@pytest.mark.parametrize(
    ("first", "test", "counts"),
    [
        ("nil", "d = Less(m, trips)", True),
        ("nil", "l = LessOrEqual(m, trips) g = Less(n, trips) d = And(l, g)", True),
        ("nil", "l = Less(m, trips) g = Less(m, more) d = And(g, l)", False),  # data may end it before
    ],
)
def test_loops_over_all_rows_count(first: str, test: str, counts: bool) -> None:
    module = imported(LOOP.format(first=first, test=test))
    module = Canonicalize().run(module, PassContext(ALL_DIALECTS))
    (loop,) = (op for op in module.walk() if isinstance(op, Loop))
    assert loop.may_end is not counts and loop.carried == (1 if counts else 3), module


@pytest.mark.parametrize(("dtype", "counts"), [("int32", True), ("int8", False)])
def test_counters_that_may_wrap_count_nothing(dtype: str, counts: bool) -> None:
    text = f"""agraph (float[4] s) => (float[4] y)
    <int64 trips = {{300}}, {dtype} nil = {{0}}, {dtype} one = {{1}}, int64 low = {{-1}}> {{
      at, y = Loop(trips, , nil, s) <body = b (int64 i, bool c, {dtype} n, float[4] v)
          => (bool d, {dtype} m, float[4] w) {{
        w = Neg(v) m = Add(n, one) wide = Cast<to=7>(m) d = Greater(wide, low)
      }}>
    }}"""
    module = Canonicalize().run(imported(text), PassContext(ALL_DIALECTS))
    (loop,) = (op for op in module.walk() if isinstance(op, Loop))
    assert loop.may_end is not counts
