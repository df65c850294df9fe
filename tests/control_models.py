"""Models with control flow that several tests share, in ONNX's text."""

from __future__ import annotations

# A loop with a branch inside, a value that is carried through, a swap, and captures of every kind.
NESTED = """agraph (float[T,4] x, float[4] h, float[4] g, bool c) => (float[4] a, float[4] b, float[T,4] all)
  <float[4,4] w = {1, 0, 0.5, 0, 0, 1, 0, -0.5, 0.25, 0, 1, 0, 0, 0.5, 0, -1}> {
  relu = Relu(x) shape = Shape(x) zero = Constant<value = int64[1] {0}> () count = Gather(shape, zero)
  n = Squeeze(count)
  a, b, all = Loop(n, , h, g) <body = step (int64 i, bool t, float[4] p, float[4] q)
      => (bool u, float[4] q1, float[4] p1, float[4] e) {
    row = Gather(relu, i) two = Unsqueeze(row, zero) m = MatMul(two, w) r = Squeeze(m, zero)
    s = If(c) <then_branch = yes () => (float[4] y) { y0 = Add(r, p) y = Tanh(y0) },
               else_branch = no () => (float[4] z) { z = Identity(q) }>
    e = Sub(s, p) p1 = Mul(s, r) q1 = Identity(q) u = Identity(t)
  }>
}"""
