"""Loops without a trip count, whose conditions say how often they run at most, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import UnsupportedError
from glassrt.dialects.control import Loop

from .texts import check, imported

TEXT = """agraph (float[4] x, float[N] rows, float most) => (float[4] y, int64 j, float[K,4] all)
  <int64 seven = {7}, int64 one = {1}, int64 two = {2}, int64 three = {3}, float step = {1}, bool go = {1}> {
  shape = Shape<start = 0, end = 1>(rows) n = Squeeze(shape)
  y, j, all = Loop( , go, x, three)
    <body = b (int64 i, bool c, float[4] s, int64 k) => (bool d, float[4] t, int64 m, float[4] e) {
      t = Add(s, step) m = Add(k, two) e = Neg(s) sum = ReduceSum<keepdims = 0>(t) low = Less(sum, most)
      CONDITION
    }>
}"""
FEEDS = [
    {"x": np.zeros(4, np.float32), "rows": np.zeros(5, np.float32), "most": np.array(most, np.float32)}
    for most in (1e9, 9, -1)
]
BOUNDED = {
    "iterations": ("d = Less(i, seven)", 8),
    "iterations that are over": ("p = Add(i, one) d = Less(p, seven)", 7),
    "iterations that are left": ("p = Sub(i, one) d = Greater(seven, p)", 9),
    "a counter": ("d = LessOrEqual(k, seven)", 4),
    "the next of a counter": ("d = Less(m, seven)", 2),
    "negated": ("p = GreaterOrEqual(i, seven) d = Not(p)", 8),
    "one of two": ("p = Less(i, seven) d = And(p, low)", 8),
    "the other of two": ("p = Less(i, three) d = And(low, p)", 4),
    "the least of two": ("p = Less(i, seven) q = Less(m, seven) d = And(p, q)", 2),
    "in other widths": ("p = Cast<to = 6>(i) q = Cast<to = 6>(seven) d = Less(p, q)", 8),
    "a size": ("p = Less(i, n) d = And(p, low)", "N+1"),
}
UNBOUNDED = {
    "data": "d = Identity(low)",
    "a float": "p = Cast<to = 1>(i) d = Less(p, most)",
    "a narrow integer": "p = Cast<to = 3>(i) q = Cast<to = 3>(seven) r = Less(p, q) d = And(r, low)",
    "one that shrinks": "p = Sub(seven, i) r = Less(p, seven) d = And(r, low)",
    "from below": "r = GreaterOrEqual(i, one) d = And(r, low)",
}


@pytest.mark.parametrize("name", BOUNDED)
def test_a_condition_bounds_a_loop(name: str) -> None:
    condition, most = BOUNDED[name]
    module = check(TEXT.replace("CONDITION", condition), *FEEDS)
    (loop,) = (op for op in module.walk() if isinstance(op, Loop))
    assert str(loop.count) == str(most)


@pytest.mark.parametrize("name", UNBOUNDED)
def test_a_condition_that_bounds_nothing_is_refused_for_scan_outputs(name: str) -> None:
    with pytest.raises(UnsupportedError, match="nothing bounds how many elements its scan outputs have"):
        imported(TEXT.replace("CONDITION", UNBOUNDED[name]))


def test_a_bound_that_is_an_input_is_a_size() -> None:
    text = TEXT.replace("float most)", "float most, int64 last)")
    text = text.replace("CONDITION", "p = Less(i, last) d = And(p, low)")
    module = check(text, *({**feed, "last": np.array(last)} for feed in FEEDS for last in (0, 3, 64)))
    assert list(module.contents) == ["last"]
    of_data = "w = ReduceMax<keepdims = 0>(rows) p = Cast<to = 7>(w) d = Less(i, p)"
    with pytest.raises(UnsupportedError, match="how many elements its scan outputs have depends on the data"):
        imported(TEXT.replace("CONDITION", of_data))
