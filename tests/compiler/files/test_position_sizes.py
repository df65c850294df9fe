"""Inputs that hold positions get random ones of their whole axis."""

from __future__ import annotations

import glassrt
import numpy as np
from glassrt.compiler.files.inputs import of_function, of_plan, random_arrays
from glassrt.compiler.files.position_sizes import position_sizes
from glassrt.compiler.frontend import import_model
from onnx import ModelProto, numpy_helper, parser

# `ids` looks up rows of two tables, cast and cut; `count` is a number, `late` is computed with.
TEXT = """<ir_version: 9, opset_import: ["": 18]>
agraph (int64[N] ids, int64[2] pairs, int64[1] late, float[2,4] x) => (float[M,4] y)
  <float[50,4] table, float[30,4] other, int64[1] one> {
    short = Cast<to=6>(ids) a = Gather(table, short)
    joined = Concat<axis=0>(ids, ids) b = Gather(other, joined)
    more = Add(late, one) c = Gather(table, more) d = Gather(x, pairs)
    y = Concat<axis=0>(a, b, c, d)
  }"""


def model() -> ModelProto:
    made = parser.parse_model(TEXT)
    for name, array in (("table", np.ones((50, 4), np.float32)), ("other", np.ones((30, 4), np.float32))):
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    made.graph.initializer.append(numpy_helper.from_array(np.array([1]), "one"))
    return made


def test_the_least_axis_counts_and_what_is_computed_with_does_not() -> None:
    module = import_model(model().SerializeToString())
    assert position_sizes(module.main, {"N": 3}) == {"ids": 30, "pairs": 2}
    found = random_arrays(of_function(module.main, {"N": 400}), 0)
    assert found["ids"].max() == 29 and set(found["pairs"]) <= {0, 1} and found["late"].max() < 4


def test_plans_know_by_their_text() -> None:
    plan = glassrt.compile(model(), target="host", shapes={"N": (1, 3, 400)})
    wanted = {each.name: each.below for each in of_plan(plan, {"N": 3})}
    assert wanted == {"ids": 30, "pairs": 2, "late": None, "x": None}
    assert glassrt.check(plan, device="host", sizes={"N": 20}).ok
