"""Sequences of tensors and normalization in training mode, as exporters of real networks write them."""

from __future__ import annotations

import numpy as np

from .everywhere import agrees

NETWORK = """agraph (float[2,4,3,5] x) => (float[2,4,5] y) <
  int64 zero = {0}, int64 one = {1}, int64 last = {-1},
  float[5,5] w = {1, 2, 0, 4, 3, 5, 0, 1, 7, 2, 2, 6, 1, 0, 3, 4, 1, 2, 5, 0, 0, 3, 6, 1, 2},
  float[5] ones = {1, 1, 1, 1, 1}, float[5] zeros = {0, 0, 0, 0, 0}> {
  parts = SplitToSequence<axis = 2, keepdims = 0>(x)
  q = SequenceAt(parts, zero)
  k = SequenceAt(parts, one)
  v = SequenceAt(parts, last)
  standard, m, s = BatchNormalization<training_mode = 1>(w, ones, zeros, zeros, ones)
  long = MatMul(q, standard)
  t = Transpose<perm = [0, 2, 1]>(k)
  scores = MatMul(long, t)
  a = Softmax(scores)
  y = MatMul(a, v)
}"""


def test_attention_on_parts_of_one_tensor_with_standardized_weights() -> None:
    x = np.random.default_rng(3).uniform(-1, 1, (2, 4, 3, 5)).astype(np.float32)
    module = agrees(NETWORK, {"x": x})
    assert "graph.batch_norm" not in {op.name for op in module.walk()}
