"""Regions are isolated when they are done: what they read from outside is passed."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.control import If
from glassrt.dialects.graph.constants import Constant

from .texts import BRANCHES, X, check, count, imported


def test_values_are_captured_once_and_constants_are_copied() -> None:
    (op,) = (op for op in imported(BRANCHES).walk() if isinstance(op, If))
    assert len(op.captures) == 1
    for region in op.regions:
        assert sum(isinstance(inner, Constant) for inner in region.block) == 1


def test_a_branch_may_pass_on_a_value_from_outside() -> None:
    text = """agraph (bool[1] c, float[N,3] x, float[N,3] z) => (float[N,3] y) {
      y = If(c) <then_branch = one () => (float[N,3] a) { a = Identity(x) },
                 else_branch = two () => (float[N,3] b) { b = Identity(z) }>
    }"""
    for condition in (True, False):
        check(text, {"c": np.array([condition]), "x": X, "z": -X})


DIFFERENT = {
    "turned": ("a = Neg(x)", "e = Transpose(x) b = Abs(e)"),
    "shorter": ("a = Neg(x)", "b = Slice(x, none, one)"),
    "longer": ("a = Neg(x)", "b = Concat<axis = 0>(x, x)"),
    "empty": ("a = Slice(x, one, one)", "b = Identity(x)"),
    "found": ("g = Greater(x, low) p = NonZero(g) q = Transpose(p) a = Cast<to = 1>(q)", "b = Neg(x)"),
    "found in both": (
        "g = Greater(x, low) p = NonZero(g) q = Transpose(p) a = Cast<to = 1>(q)",
        "g = Less(x, low) p = NonZero(g) q = Transpose(p) b = Cast<to = 1>(q)",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_branches_differ_in_their_sizes(name: str) -> None:
    text = """agraph (bool[1] c, float[N,3] x) => (float[P,Q] y, int64[2] s, float z)
      <int64[1] none = {0}, int64[1] one = {1}, float low = {0.5}> {
      y = If(c) <then_branch = one () => (float[P,Q] a) { THEN },
                 else_branch = two () => (float[P,Q] b) { ELSE }>
      s = Shape(y) z = ReduceSum<keepdims = 0>(y)
    }"""
    then, otherwise = DIFFERENT[name]
    text = text.replace("THEN", then).replace("ELSE", otherwise)
    feeds = [{"c": np.array([c]), "x": x} for c in (True, False) for x in (X, X[:1], -X)]
    check(text, *feeds)


def test_branches_nest() -> None:
    text = """agraph (bool c, bool d, float[2,3] x) => (float[2,3] y) <float[3] w = {1, 2, 3}> {
      y = If(c) <
        then_branch = one () => (float[2,3] a) {
          e = Neg(x)
          a = If(d) <then_branch = three () => (float[2,3] f) { f = Add(e, w) },
                     else_branch = four () => (float[2,3] g) { g = Sub(x, e) }>
        },
        else_branch = two () => (float[2,3] b) { b = Sub(x, w) }>
    }"""
    feeds = [{"c": np.array(c), "d": np.array(d), "x": X} for c in (True, False) for d in (True, False)]
    assert count(check(text, *feeds), If) == 2
