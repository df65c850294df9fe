"""Single elements whose rank a branch decides: broadcast with others that makes no difference."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import UnsupportedError

from .texts import check, imported

X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2
# One over the rows that there are more than one of: a scalar, or in one dimension.
BY_SIZE = """agraph (float[N,3] x) => (float[P,Q] y)
  <int64[1] none = {0}, int64[1] one = {1}, float nothing = {0}, float[1] two = {2}> {
  shape = Shape(x) rows = Slice(shape, none, one) c = Equal(rows, one) many = Sub(rows, one)
  step = If(c) <then_branch = a () => (p) { p = Identity(nothing) },
                else_branch = b () => (q) { f = Cast<to = 1>(many) q = Div(two, f) }>
  USE
}"""
BY_DATA = """agraph (bool c, float[N,3] x) => (float[P,Q] y) <float[1] two = {2}> {
  step = If(c) <then_branch = a () => (p) { p = ReduceMax<keepdims = 0>(x) },
                else_branch = b () => (q) { q = ReduceMax(x) }>
  USE
}"""


@pytest.mark.parametrize(
    "use", ["y = Mul(x, step)", "like = CastLike(x, step) z = Max(like, two, step) y = Neg(z)"]
)
def test_broadcast_with_as_many_dimensions(use: str) -> None:
    check(BY_SIZE.replace("USE", use), {"x": X}, {"x": X[:1]})
    for condition in (True, False):
        check(BY_DATA.replace("USE", use), {"x": X, "c": np.array(condition)})


@pytest.mark.parametrize(
    "use", ["y = Neg(step)", "y = Mul(step, two)", "y = Identity(x) z = Concat<axis = 0>(step)"]
)
def test_any_other_use_is_refused(use: str) -> None:
    with pytest.raises(UnsupportedError, match="a branch decides whether its input 0 has 0 or 2 dimensions"):
        imported(BY_DATA.replace("USE", use))


def test_an_output_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="output 'y': a branch decides whether it has 0 or 2"):
        imported(BY_DATA.replace("USE", "").replace("step =", "y ="))


def test_a_branch_around_it_is_refused() -> None:
    text = """agraph (bool c, bool e, float[N,3] x) => (float[P,Q] y) {
      s = If(e) <then_branch = f () => (t) {
        t = If(c) <then_branch = a () => (p) { p = ReduceMax<keepdims = 0>(x) },
                   else_branch = b () => (q) { q = ReduceMax(x) }>
      }, else_branch = g () => (u) { u = ReduceMin(x) }>
      y = Mul(x, s)
    }"""
    with pytest.raises(UnsupportedError, match="a branch inside of it decides the rank"):
        imported(text)
