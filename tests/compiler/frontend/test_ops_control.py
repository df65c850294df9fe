"""If and Loop, imported and interpreted, against ONNX Runtime; and what is refused, in which words."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import GlassError, ModelError, UnsupportedError
from glassrt.dialects.control import If, Loop

from .texts import BRANCHES, X, check, count, imported

SQUEEZED = """agraph (float[N,1,M] x) => (y) <int64 axis = {1}, int64 one = {1}> {
  shape = Shape(x)
  size = Gather(shape, axis)
  c = Equal(size, one)
  y = If(c) <then_branch = a () => (p) { axes = Constant<value_ints = [1]> () p = Squeeze(x, axes) },
             else_branch = b () => (q) { q = Identity(x) }>
}"""


def test_a_branch_that_shapes_decide_is_folded() -> None:
    module = check(SQUEEZED, {"x": np.ones((4, 1, 3), np.float32)})
    assert count(module, If) == 0
    assert [(remark.rule, remark.reason) for remark in module.remarks] == [
        ("folded-branch", "its condition is always true")
    ]


def test_a_branch_that_a_free_size_decides_is_refused_if_it_changes_the_shape() -> None:
    with pytest.raises(UnsupportedError) as caught:
        imported(SQUEEZED.replace("[N,1,M]", "[N,K,M]"))
    text = str(caught.value)
    assert "which branch is taken depends on the sizes K: give them fixed values" in text
    module = imported(SQUEEZED.replace("[N,1,M]", "[N,K,M]"), inputs={"x": ["N", 1, "M"]})
    assert module.main.returned[0].type.rank == 2


def test_a_branch_that_a_free_size_decides_runs_where_the_shapes_agree() -> None:
    text = """agraph (float[N,3] x) => (float[N,3] y) <int64 zero = {0}, int64 one = {1}> {
      shape = Shape(x)
      size = Gather(shape, zero)
      c = Equal(size, one)
      y = If(c) <then_branch = a () => (p) { p = Neg(x) }, else_branch = b () => (q) { q = Abs(x) }>
    }"""
    check(text, {"x": X}, {"x": X[:1]})


def test_branches_of_different_ranks_are_refused() -> None:
    text = BRANCHES.replace("d = Mul(double, v)", "e = Mul(double, v) d = ReduceSum<keepdims = 0>(e)")
    with pytest.raises(UnsupportedError) as caught:
        imported(text.replace("(float[2,3] d)", "(d)").replace("(float[2,3] y)", "(y)"))
    found = str(caught.value)
    assert "its output 0 is tensor<2x3xf32> in one branch and tensor<f32> in the other; ranks" in found


# ---------------------------------------------------------------- loops

COUNTED = """
agraph (float[2,3] x) => (y, float[5,2,3] all) <int64 n = {5}, bool t = {1}, float[3] w = {1, 2, 3}> {
  y, all = Loop(n, t, x) <body = b (int64 i, bool c, float[2,3] v) => (bool d, next, float[2,3] e) {
    f = Cast<to = 1>(i) g = Mul(v, w) next = Add(g, f) e = Neg(v) d = Identity(c)
  }>
}"""  # fmt: skip


def test_a_counted_loop_has_no_condition() -> None:
    module = check(COUNTED, {"x": X})
    (loop,) = (op for op in module.walk() if isinstance(op, Loop))
    assert loop.count == 5 and loop.condition is None and loop.carried == 1


@pytest.mark.parametrize("trips", [0, 1, 7])
def test_a_trip_count_may_be_a_size(trips: int) -> None:
    text = COUNTED.replace("float[2,3] x", "float[2,3] x, float[T] s").replace("int64 n = {5}, ", "")
    text = text.replace("  y, all", "  n = Size(s)\n  y, all", 1).replace("float[5,2,3]", "float[T,2,3]")
    check(text, {"x": X, "s": np.zeros(trips, np.float32)})


WHILE = """agraph (float[2,3] x, int64 n, bool[1] t) => (y, last) <float[1] most = {100}, int64 zero = {0}> {
  y, last = Loop(n, t, x, zero) <
    body = b (int64 i, bool[1] c, float[2,3] v, int64 k) => (bool[1] d, float[2,3] next, int64 j) {
      next = Add(v, v) sum = ReduceSum<keepdims = 0>(next) d = Less(sum, most) j = Identity(i)
    }>
}"""  # fmt: skip


@pytest.mark.parametrize(("limit", "going"), [(100, True), (2, True), (0, True), (-1, True), (9, False)])
def test_a_condition_of_the_body_ends_the_loop(limit: int, going: bool) -> None:
    check(WHILE, {"x": X, "n": np.array(limit), "t": np.array([going])})


def test_a_loop_without_trip_count_ends_by_its_condition() -> None:
    text = WHILE.replace(", int64 n, bool[1] t)", ")").replace("Loop(n, t,", "Loop(, ,")
    check(text, {"x": X})


@pytest.mark.parametrize("trips", [None, 0, 3])
def test_a_loop_that_stops_after_its_first_iteration(trips: int | None) -> None:
    text = COUNTED.replace("d = Identity(c)", "d = Not(c)")
    text = text.replace("float[5,2,3]", "float[S,2,3]").replace("{5}", f"{{{trips or 0}}}")
    check(text.replace("Loop(n,", "Loop(,") if trips is None else text, {"x": X})


def test_a_loop_that_nothing_ends_is_malformed() -> None:
    with pytest.raises(ModelError, match="this loop never ends"):
        imported(COUNTED.replace("Loop(n,", "Loop(,"))


def test_a_loop_that_grows_what_it_carries_is_unrolled() -> None:
    text = """agraph (float[2,N] x) => (float[2,M] y, float[3,2,N] all) <int64 n = {3}, bool t = {1}> {
      y, all = Loop(n, t, x) <body = b (int64 i, bool c, float[2,K] v) => (bool d, next, float[2,N] e) {
        next = Concat<axis = 1>(v, x) f = Cast<to = 1>(i) e = Add(x, f) d = Identity(c)
      }>
    }"""
    module = check(text, {"x": X}, {"x": X[:, :2]})
    assert count(module, Loop) == 0
    assert ("unrolled-loop", "its 3 iterations all run, but give scan outputs of several shapes") in [
        (remark.rule, remark.reason) for remark in module.remarks
    ]


def test_a_loop_that_grows_what_it_carries_as_long_as_data_says_is_refused() -> None:
    text = """agraph (float[2,3] x, int64 n) => (float[2,M] y) {
      y = Loop(n, , x) <body = b (int64 i, bool c, float[2,K] v) => (bool d, float[2,L] next) {
        next = Concat<axis = 1>(v, x) d = Identity(c)
      }>
    }"""
    with pytest.raises(UnsupportedError) as caught:
        imported(text)
    assert "its carried value 0 is tensor<2x6xf32>, tensor<2x3xf32> is expected" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(int64 i, bool c, float[2,3] v)", "(int64 i, bool c)", "its body does not fit 1 carried values"),
        ("next = Add(g, f)", "h = Add(g, f) next = Cast<to = 10>(h)", "its carried value 0 is f16"),
        ("d = Identity(c)", "", "no node computes the output 'd' of its subgraph"),
    ],
)
def test_malformed_bodies(old: str, new: str, message: str) -> None:
    with pytest.raises(GlassError) as caught:
        imported(COUNTED.replace(old, new))
    assert message in str(caught.value)
