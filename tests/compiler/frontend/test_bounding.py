"""Models whose sizes depend on data have memory for the most elements, and outputs that are cut."""

from __future__ import annotations

from collections.abc import Iterator

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.runtime.cuts import Cut
from onnx import ModelProto, parser

from ...models import Array, run_onnxruntime
from .nodes import LEVEL

TWICE = """
<ir_version: 8, opset_import: ["" : 18]>
agraph (float[N, 3] x, bool[N] f) => (float[a, 3] y, float[b, 3] z, int64[c] s, int64[b] y_size)
<int64[1] zero = {0}, int64[1] two = {2}>
{
  y = Compress <axis = 0> (x, f)
  s = Shape(y)
  z = Slice(y, zero, two, zero)
  p = NonZero(f)
  rest = Constant <value = int64[1] {-1}> ()
  q = Reshape(p, rest)
  y_size = Slice(q, zero, two)
}
"""
# Boxes whose score is above a threshold, up to the best four of these, without those that overlap.
DETECTION = """
<ir_version: 8, opset_import: ["" : 18]>
agraph (float[N, 4] boxes, float[N] scores) => (float[a, 4] found, float[a] found_scores)
<float least = {0.3}, int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[1] three = {3},
 int64[1] rest = {-1}, int64[1] four = {4}, int64[2] lead = {0, 1}, int64[1] many = {100},
 float[1] overlap = {0.5}>
{
  above = Greater(scores, least)
  places = NonZero(above)
  at = Reshape(places, rest)
  some = Gather <axis = 0> (boxes, at)
  some_scores = Gather <axis = 0> (scores, at)
  count = Shape(some_scores)
  most = Min(count, four)
  best, order = TopK <axis = 0> (some_scores, most)
  best_boxes = Gather <axis = 0> (some, order)
  b = Unsqueeze(best_boxes, zero)
  s = Unsqueeze(best, lead)
  kept = NonMaxSuppression(b, s, many, overlap)
  column = Slice(kept, two, three, one)
  rows = Reshape(column, rest)
  found = Gather <axis = 0> (best_boxes, rows)
  found_scores = Gather <axis = 0> (best, rows)
}
"""


def model(text: str) -> ModelProto:
    return parser.parse_model(text)


def test_counts_are_outputs_by_which_others_are_cut() -> None:
    module = import_model(model(TWICE))
    verify(module, LEVEL)
    assert module.main.outputs == ["y", "z", "s", "y_size", "y[0]", "z[0]"]
    assert module.cuts == [Cut("y", 0, "y[0]"), Cut("z", 0, "z[0]"), Cut("y_size", 0, "z[0]")]
    assert list(module.symbols) == ["N", "S1"]
    assert "min(N, 2)" in print_module(module)
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    for flags in ([0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]):
        found = interpret(module, {"x": x, "f": np.array(flags, bool)})
        chosen = x[np.array(flags, bool)]
        assert list(found) == ["y", "z", "s", "y_size"]
        np.testing.assert_array_equal(found["y"], chosen)
        np.testing.assert_array_equal(found["z"], chosen[:2])
        assert found["s"].tolist() == [len(chosen), 3]
        np.testing.assert_array_equal(found["y_size"], np.flatnonzero(flags)[:2])


def detections() -> Iterator[dict[str, Array]]:
    generator = np.random.default_rng(1)
    for count, scale in ((12, 1.0), (5, 1.0), (1, 1.0), (8, 0.1), (0, 1.0), (12, 0.4)):
        corners = generator.uniform(0, 3, (count, 2))
        boxes = np.concatenate([corners, corners + generator.uniform(0.5, 1.5, (count, 2))], 1)
        scores = generator.uniform(0, scale, count)
        yield {"boxes": boxes.astype(np.float32), "scores": scores.astype(np.float32)}


@pytest.mark.parametrize("device", ["host", None])
def test_a_detector_end_to_end(device: str | None) -> None:
    """With kernels on the host, and without: none, one and more than four boxes are above the threshold."""
    made = model(DETECTION)
    module = import_model(made)
    engine = None if device is None else glassrt.load(glassrt.compile(made), device)
    for inputs in detections():
        wanted = run_onnxruntime(made, inputs)
        found = interpret(module, inputs) if engine is None else engine.run(inputs)
        for name, want in wanted.items():
            assert found[name].shape == want.shape
            np.testing.assert_array_equal(found[name], want)
