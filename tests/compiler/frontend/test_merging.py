"""Branches that differ in sizes that data decides: both are computed, and one is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import ModelError, UnsupportedError
from glassrt.dialects.control import If
from glassrt.dialects.core.module import Module

from .texts import BRANCHES, X, check, count, imported


def remarks(module: Module) -> list[str]:
    return [remark.rule for remark in module.remarks]


def test_branches_that_differ_in_sizes_that_are_known_need_no_merge() -> None:
    text = BRANCHES.replace("d = Mul(double, v)", "e = Mul(double, v) d = Transpose(e)")
    text = text.replace("(float[2,3] y)", "(float[A,B] y)").replace("(float[2,3] d)", "(float[3,2] d)")
    module = check(text, *({"c": np.array(c), "x": X} for c in (True, False)))
    assert count(module, If) == 1 and remarks(module) == []


# What torch exports for `batched_nms`: no boxes are kept where there are none to begin with.
KEPT = """agraph (float[6,2] x) => (float[K,2] y) <int64[1] zero = {0}, int64[1] three = {3},
    int64[1] end = {0}, int64[1] one = {1}, float limit = {0}, int64 none = {0}> {
  sums = ReduceSum<keepdims = 0>(x, one)
  positive = Greater(sums, limit)
  found = NonZero(positive)
  places = Squeeze(found, zero)
  boxes = Gather(x, places)
  shape = Shape(boxes)
  size = ReduceProd<keepdims = 0>(shape)
  empty = Equal(size, none)
  kept = If(empty) <
    then_branch = a () => (p) { p = Constant<value = int64[0] {}>() },
    else_branch = b () => (q) {
      most = ReduceMax<keepdims = 0>(boxes) one1 = Squeeze(one) column = Gather<axis = 1>(boxes, one1)
      near = Less(column, most) q2 = NonZero(near) q = Squeeze(q2, zero)
    }
  >
  first = Slice(kept, zero, three, end)
  y = Gather(boxes, first)
}"""


def test_a_branch_for_what_may_be_empty_is_merged() -> None:
    rows = np.array([[1, 2], [3, 1], [-5, 1], [9, -1], [4, 4], [2, 0]], np.float32)
    module = check(KEPT, {"x": rows}, {"x": -abs(rows)}, {"x": rows[:, ::-1].copy()}, {"x": rows * 0 + 1})
    assert count(module, If) == 0 and remarks(module) == ["merged-branches"]


def test_sizes_that_stay_in_a_branch_need_no_merge() -> None:
    counted = "z = NonZero(x) n = Size(z) f = Cast<to = 1>(n) d = Mul(double, f)"
    text = BRANCHES.replace("d = Mul(double, v)", counted)
    module = check(text, *({"c": np.array(c), "x": X} for c in (True, False)))
    assert count(module, If) == 1 and remarks(module) == []


def test_branches_of_different_ranks_are_refused() -> None:
    text = BRANCHES.replace("d = Mul(double, v)", "e = Mul(double, v) d = Flatten<axis = 0>(e) f = Neg(d)")
    text = text.replace(
        "d = Flatten<axis = 0>(e) f = Neg(d)", "s = Constant<value_ints = [-1]>() d = Reshape(e, s)"
    )
    with pytest.raises(UnsupportedError, match="ranks that depend on data are not supported"):
        imported(text.replace("(float[2,3] d)", "(d)").replace("(float[2,3] y)", "(y)"))


def test_a_loop_that_data_ends_is_not_run_for_a_branch_that_is_not_taken() -> None:
    loop = """e = Cast<to = 9>(c) t = Constant<value = bool {1}>() u = Loop(, t, x) <
      body = b (int64 i, bool g, float[2,3] w) => (bool h, n) {
        n = Add(w, w) s = ReduceSum<keepdims = 0>(n) k = Constant<value = float {100}>() h = Less(s, k)
      }> r = ReduceMax<axes = [1], keepdims = 0>(u) o = Cast<to = 9>(r) d = Compress<axis = 0>(u, o)"""
    text = BRANCHES.replace("d = Mul(double, v)", loop).replace("(float[2,3] d)", "(d)")
    with pytest.raises(UnsupportedError, match="a loop that only data ends"):
        imported(text.replace("(float[2,3] y)", "(y)"))


def test_branches_of_different_types_are_malformed() -> None:
    text = BRANCHES.replace("d = Mul(double, v)", "e = Mul(double, v) f = Transpose(e) d = Cast<to = 10>(f)")
    with pytest.raises(ModelError, match="its output 0 is f16, f32 is expected"):
        imported(text.replace("(float[2,3] d)", "(d)").replace("(float[2,3] y)", "(y)"))
