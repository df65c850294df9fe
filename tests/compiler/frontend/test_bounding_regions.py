"""Sizes that data decides in branches and loops, from around them and their own, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import UnsupportedError
from glassrt.dialects.control import Loop

from .texts import check, count, imported

X = np.array([[-1, 2, 3, -4], [5, -6, 0, 1], [1, 1, -2, 2]], np.float32)
FEEDS = [{"x": x} for x in (X, -abs(X), X - 3, abs(X) + 1)]
HEAD = """agraph (float[3,4] x) => (OUTPUTS)
  <float none = {0}, int64 two = {2}, float fifty = {50}, float[1] begin = {0}, int64[1] axis = {1}> {
  above = Greater(x, none) places = NonZero(above) at = Transpose(places) v = GatherND(x, at)
  size = Shape<start = 0, end = 1>(v) n = Squeeze(size)
"""
# By name: the outputs, and what computes them from v, a vector whose length n is a count.
BODIES = {
    "trips": (
        "float[3,4] y, float[K,3,4] all",
        """y, all = Loop(n, , x) <body = b (int64 i, bool c, float[3,4] s)
             => (bool d, float[3,4] t, float[3,4] e) { d = Identity(c) t = Cos(s) e = Neg(t) }>""",
    ),
    "trips and a condition": (
        "float[3,4] y, float[K] all",
        """y, rows = Loop(n, , x) <body = b (int64 i, bool c, float[3,4] s)
             => (bool d, float[3,4] t, float[3,4] e) {
             m = ReduceSum<keepdims = 0>(s) d = Less(m, fifty) t = Add(s, s) e = Neg(t) }>
           all = ReduceMean<keepdims = 0, axes = [1, 2]>(rows)""",
    ),
    "captured": (
        "float y",
        """y = Loop(two, , none) <body = b (int64 i, bool c, float s) => (bool d, float t) {
             d = Identity(c) m = ReduceSum<keepdims = 0>(v) q = Size(v) f = Cast<to = 1>(q)
             p = Mul(m, f) t = Add(s, p) }>""",
    ),
    "carried": (
        "float[K] y, float[L,K] all",
        """y, all = Loop(two, , v) <body = b (int64 i, bool c, float[P] s)
             => (bool d, float[P] t, float[P] e) { d = Identity(c) t = Cos(s) e = Softmax<axis = 0>(t) }>""",
    ),
    "scanned backwards": (
        "float[1] y, float[K,1] all",
        """rows = Unsqueeze(v, axis)
           y, all = Scan<num_scan_inputs = 1, scan_input_directions = [1], scan_output_directions = [1],
             body = b (float[1] s, float[1] e) => (float[1] t, float[1] p) {
               t = Add(s, e) p = Mul(t, e) }>(begin, rows)""",
    ),
    "found in each iteration": (
        "float y, float[K] all",
        """y, all = Loop(two, , none) <body = b (int64 i, bool c, float s) => (bool d, float t, float e) {
             d = Identity(c) r = Gather(x, i) g = Greater(r, none) f = NonZero(g) a = Transpose(f)
             w = GatherND(r, a) e = ReduceSum<keepdims = 0>(w) q = Size(w) h = Cast<to = 1>(q)
             p = Mul(h, e) t = Add(s, p) }>""",
    ),
    "found in each branch": (
        "float y, float[K] z",
        """m = ReduceSum<keepdims = 0>(x) up = Greater(m, none)
           y = If(up) <
             then_branch = a () => (float o) { g = Greater(x, none) f = NonZero(g) t = Transpose(f)
               w = GatherND(x, t) o = ReduceSum<keepdims = 0>(w) },
             else_branch = b () => (float p) { g = Less(x, none) f = NonZero(g) t = Transpose(f)
               w = GatherND(x, t) p = ReduceMean<keepdims = 0>(w) }>
           z = Neg(v)""",
    ),
    "nested": (
        "float y",
        """y = Loop(two, , none) <body = b (int64 i, bool c, float s) => (bool d, float t) {
             d = Identity(c) r = Gather(x, i) g = Greater(r, none) f = NonZero(g) a = Transpose(f)
             w = GatherND(r, a) q = Size(w)
             t = Loop(q, , s) <body = h (int64 j, bool k, float u) => (bool l, float o) {
               l = Identity(k) p = Gather(w, j) m = Add(u, p) z = ReduceSum<keepdims = 0>(v) o = Add(m, z) }>
           }>""",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_counts_pass_into_regions_as_data(name: str) -> None:
    outputs, body = BODIES[name]
    feeds = FEEDS if "Scan" not in body else [FEEDS[0], *FEEDS[2:]]  # ONNX Runtime has no empty scans
    check(HEAD.replace("OUTPUTS", outputs) + body + "}", *feeds)


def test_a_count_is_a_trip_count_beside_its_bound() -> None:
    outputs, body = BODIES["trips"]
    module = imported(HEAD.replace("OUTPUTS", outputs) + body + "}")
    (loop,) = (op for op in module.walk() if isinstance(op, Loop))
    assert loop.count == 12 and loop.trip is not None and count(module, Loop) == 1


def test_a_size_that_only_an_iteration_knows_is_no_size_of_what_leaves_it() -> None:
    body = """y, all = Loop(two, , none) <body = b (int64 i, bool c, float s)
      => (bool d, float t, float[Q] e) {
      d = Identity(c) t = Neg(s) r = Gather(x, i) g = Greater(r, none) f = NonZero(g) a = Transpose(f)
      e = GatherND(r, a)
    }>}"""
    with pytest.raises(UnsupportedError) as caught:
        imported(HEAD.replace("OUTPUTS", "float y, float[L,Q] all") + body)
    assert "an element of its scan outputs is tensor<(n1)xf32>, with a size that depends" in str(caught.value)
