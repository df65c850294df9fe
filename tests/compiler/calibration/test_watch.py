"""The tensors inside control flow are observed wherever the network runs."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from onnx import parser

from ...models import Array

# Constants, sizes and a condition from data are operands of the loop; nothing in it is an output.
LOOP = """<ir_version: 8, opset_import: ["" : 17]>
agraph (float[N,4] x, int64 n) => (float[4] y)
  <bool yes = {1}, float[4] one = {1, 1, 1, 1}, int64[1] zero = {0}, float most = {20}> {
  start = ReduceSum<keepdims = 0>(x, zero)
  y = Loop(n, yes, start) <body = b (int64 i, bool c, float[4] s) => (bool d, float[4] t) {
    twice = Add(s, s) t = Add(twice, one) top = ReduceMax<keepdims = 0>(t) d = Less(top, most)
  }>
}"""


@pytest.mark.parametrize("device", ["interpret", "host"])
def test_every_iteration_counts(device: str) -> None:
    """The loop ends by its condition in the first batch, and by its count in the second."""
    batches: list[dict[str, Array]] = [
        {"x": np.ones((2, 4), np.float32), "n": np.array(9, np.int64)},
        {"x": np.ones((1, 4), np.float32), "n": np.array(2, np.int64)},
    ]
    table = glassrt.calibrate(parser.parse_model(LOOP), batches, calibrator="min-max", device=device)
    found = {name.removeprefix("y/"): each.values for name, each in table.tensors.items()}
    twice, carried = found["twice/add"], found["carried"]
    assert twice is not None and carried is not None
    assert twice.count == carried.count == 4 * (3 + 2)  # 2, 5, 11 -> 23; 1, 3 -> 7
    assert (twice.minimum, twice.maximum) == (2, 22)
    assert (carried.minimum, carried.maximum) == (1, 11)
