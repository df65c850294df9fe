"""Loops that data ends, with scan outputs, on the host against ONNX Runtime: decoders, as exported."""

from __future__ import annotations

import numpy as np
import pytest

from .everywhere import agrees

# Greedy decoding: a state, of which each step takes the most likely token, until that is 0.
GREEDY = """g (float[1,8] state, int64 most) => (int64[K] tokens, float[K,6] logits, float[1,8] last)
  <float[8,8] w = {MIX}, float[8,6] out = {HEAD}, float[6,8] words = {WORDS}, int64 end = {0}, bool go = {1},
   int64[1] row = {0}> {
  last, tokens, rows = Loop(most, go, state)
    <body = b (int64 i, bool c, float[1,8] s) => (bool d, float[1,8] t, int64 token, float[1,6] e) {
      m = MatMul(s, w) h = Tanh(m) e = MatMul(h, out)
      at = ArgMax<axis = 1, keepdims = 0>(e) token = Squeeze(at, row)
      word = Gather(words, at) t = Add(h, word)
      stop = Equal(token, end) d = Not(stop)
    }>
  one = Constant<value_ints = [1]>() p = Softmax(rows) logits = Squeeze(p, one)
}"""


def greedy() -> str:
    random, text = np.random.default_rng(4), GREEDY
    for name, size in (("MIX", 64), ("HEAD", 48), ("WORDS", 48)):
        text = text.replace(name, ", ".join(map(str, random.standard_normal(size).round(3))))
    return text


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_decoder_stops_at_its_last_token(precision: str) -> None:
    random = np.random.default_rng(1)
    feeds = [
        {"state": random.standard_normal((1, 8)).astype(np.float32), "most": np.array(most)}
        for most in (12, 12, 1, 0, 3)
    ]
    module = agrees(greedy(), *feeds, precision=precision, tolerance=1e-5 if precision == "fp32" else 1e-2)
    assert [cut.output for cut in module.cuts] == ["tokens", "logits"]


def test_rows_that_are_read_where_there_may_be_none() -> None:
    text = """g (float[N,4] x) => (float[4] y, float[M,4] all)
      <float[4] w = {1, 2, 3, 4}, int64 first = {0}> {
      shape = Shape<start = 0, end = 1>(x) n = Squeeze(shape)
      y, all = Loop(n, , w) <body = b (int64 i, bool c, float[4] s) => (bool d, float[4] t, float[4] e) {
        r = Gather(x, i) f = Gather(x, first) t = Add(s, r) e = Sub(r, f) d = Identity(c)
      }>
    }"""
    agrees(text, *({"x": np.ones((rows, 4), np.float32)} for rows in (0, 1, 3)))


def test_counts_in_loops() -> None:
    text = """g (float[3,4] x, int64 n) => (float y, float[K] all, float[L] z) <float none = {0}> {
      above = Greater(x, none) places = NonZero(above) at = Transpose(places) z = GatherND(x, at)
      y, all = Loop(n, , none) <body = b (int64 i, bool c, float s) => (bool d, float t, float e) {
        r = Gather(x, i) g = Greater(r, none) f = NonZero(g) a = Transpose(f) w = GatherND(r, a)
        m = ReduceMean<keepdims = 0>(z) e = ReduceSum<keepdims = 0>(w) p = Mul(m, e) t = Add(s, p)
        d = Less(t, m)
      }>
    }"""
    x = np.array([[-1, 2, -3, -4], [5, 6, 0, 1], [1, 1, -2, 2]], np.float32)
    agrees(text, *({"x": each, "n": np.array(n)} for each, n in ((x, 3), (x, 0), (x / 9, 3), (x - 5, 2))))


def test_branches_of_different_sizes() -> None:
    text = """g (float[N,4] x, bool c) => (float[K,4] y, float[4] m)
      <int64[1] none = {0}, int64[1] two = {2}> {
      y = If(c) <then_branch = a () => (float[P,4] o) { o = Neg(x) },
                 else_branch = b () => (float[Q,4] p) { p = Slice(x, none, two) }>
      m = ReduceMean<keepdims = 0>(y, none)
    }"""
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    agrees(text, *({"x": x[:rows], "c": np.array(c)} for rows in (3, 1) for c in (True, False)))
