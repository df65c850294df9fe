"""Memory whose sizes are equal only by what a model requires, and parts of buffers in control flow."""

from __future__ import annotations

import numpy as np

from .everywhere import agrees

ONES = np.arange(4, dtype=np.float32).reshape(2, 1, 2)


def axes(*given: int) -> list[dict[str, np.ndarray]]:
    return [{"x": ONES, "at": np.array([axis])} for axis in given]


def test_an_axis_that_is_inserted_where_an_input_says_is_squeezed() -> None:
    text = """g (float[SIZES] x, int64[1] at) => (float[p,q,r] y) <int64[1] one = {1}> {
      h = Tanh(x) u = Unsqueeze(h, at) y = Squeeze(u, one)
    }"""
    agrees(text.replace("SIZES", "2,1,2"), *axes(1, 2, 3, -1, -2, -3))
    agrees(text.replace("SIZES", "N,M,2"), *axes(1, 2, 3, -1))


def test_an_axis_that_is_inserted_where_an_input_says_is_that_of_channels() -> None:
    text = """g (float[N,4] x, int64[1] at) => (float[p,q,r] y) <float[2,1,1] w = {1, 2}> {
      u = Unsqueeze(x, at) y = Conv(u, w)
    }"""
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    agrees(text, {"x": x, "at": np.array([1])}, {"x": x[:1], "at": np.array([0])})


def test_what_has_no_elements_is_read_and_written_by_one_launch_beside_a_branch() -> None:
    text = """g (int64 x, int64 y, bool c) => (float[k] p, float[l] q, float[m] o)
      <int64[2] sizes = {0, 0}, int64 one = {1}> {
      r = Range(x, y, one) f = Cast<to = 1>(r)
      o = If(c) <then_branch = t () => (float[k] a) { s = ReduceSum<keepdims = 0>(f) a = Mul(f, s) },
                 else_branch = e () => (float[k] b) { b = Identity(f) }>
      p, q = Split<axis = 0>(f, sizes)
    }"""
    agrees(text, {"x": np.array(3), "y": np.array(3), "c": np.array(True)})


def test_rows_of_an_unrolled_scan_beside_a_loop() -> None:
    """One launch reads a row of a buffer and writes the next, since the small launches are grouped."""
    text = """g (float[1,4] x, int32[1] n) => (float[4] y, float[4,2,1,1] all)
      <int64 k = {-2}, int64[1] zero = {0}, float[2,4,4] w = {WEIGHTS}, float[2,4,1] r = {ROWS}> {
      last, rows = Scan<num_scan_inputs = 1, scan_input_axes = [1], scan_input_directions = [1],
        body = b (float[1,4] s, float[1] e) => (float[1,4] t, float[1,4] u) {
          t = Add(s, e) u = Identity(t)
        }>(x, x)
      low = Trilu<upper = 0>(last, k)
      y = Squeeze(low, zero)
      all, h, c = LSTM<direction = "bidirectional", hidden_size = 1>(rows, w, r, , n)
    }"""
    weights = ", ".join(str(0.1 * (at % 7 - 3)) for at in range(32))
    text = text.replace("WEIGHTS", weights).replace("ROWS", ", ".join(["0.5", "-0.25"] * 4))
    feed = {"x": np.array([[1, -0.5, 0.25, 0.5]], np.float32), "n": np.array([4], np.int32)}
    agrees(text, feed)


def test_a_loop_that_an_inner_loop_begins_with_a_capture_in_fp16() -> None:
    text = """g (float[2,4] x, bool c) => (float[2,4] y, float[2,4] z) <int64 n = {3}, float many = {1000}> {
      v = Sin(x) z = Softmax(v) w = Cos(x)
      y = Loop( , c, w) <body = b (int64 i, bool d, float[2,4] s) => (bool more, float[2,4] t) {
        a = Loop(n, , v) <body = inner (int64 j, bool f, float[2,4] p) => (bool g, float[2,4] q) {
          q = Tanh(p) sum = ReduceSum<keepdims = 0>(q) g = Less(sum, many)
        }>
        t = Add(s, a) more = Less(i, n)
      }>
    }"""
    x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    agrees(text, {"x": x, "c": np.array(True)}, precision="fp16", tolerance=4e-3)
