"""Scan outputs of loops whose iterations an input or data counts, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import InputError, UnsupportedError
from glassrt.dialects.control import Loop
from glassrt.dialects.core.interpreter import interpret

from ...models import Array
from .texts import check, imported

ROW = np.array([-1, 2, 3, -4], np.float32)
BODY = """<body = b (int64 i, bool c, float[4] s) => (bool d, float[4] t, float[4] e) {
  d = Identity(c) t = Cos(s) e = Neg(s)
}>"""


def feed(**given: float | int | bool | Array) -> dict[str, Array]:
    kinds = {"most": np.float32, "n": np.int64, "go": np.bool_}
    return {name: np.asarray(value, kinds.get(name)) for name, value in given.items()}


def test_a_trip_count_that_is_an_input_is_a_size() -> None:
    text = f"agraph (float[4] x, int64 n) => (float[4] y, float[K,4] all) {{ y, all = Loop(n, , x) {BODY} }}"
    module = check(text, *(feed(x=ROW, n=n) for n in (3, 0, 64)))
    assert list(module.contents) == ["n"] and not module.cuts
    (loop,) = (op for op in module.walk() if isinstance(op, Loop))
    assert not loop.may_end
    with pytest.raises(InputError, match="n_0 = 65 is outside its range 0 to 64"):
        interpret(module, feed(x=ROW, n=65))


def test_a_trip_count_that_is_computed_from_inputs() -> None:
    text = f"""agraph (float[4] x, int64[2] p, int64 q) => (float[4] y, float[K,4] all) <int64 one = {{1}}> {{
      last = Gather(p, one) n = Sub(last, q) y, all = Loop(n, , x) {BODY}
    }}"""
    check(text, *(feed(x=ROW, p=np.array([9, last]), q=np.array(2)) for last in (5, 2, 1)))


def test_a_trip_count_of_data_has_the_bound_that_it_is_the_least_of() -> None:
    text = f"""agraph (float[4] x, float[3] p) => (float[4] y, float[K,4] all) <int64 five = {{5}}> {{
      most = ReduceMax<keepdims = 0>(p) long = Cast<to = 7>(most) n = Min(long, five)
      y, all = Loop(n, , x) {BODY}
    }}"""
    module = check(text, *(feed(x=ROW, p=np.array([0, 1, p], np.float32)) for p in (4, 99, -1)))
    (loop,) = (op for op in module.walk() if isinstance(op, Loop))
    assert loop.count == 5 and loop.trip is not None
    with pytest.raises(UnsupportedError, match="how many elements its scan outputs have depends on the data"):
        imported(text.replace("n = Min(long, five)", "n = Identity(long)"))


WHILE = """agraph (float[4] x, float most, bool go, int64 n) => (float[4] y, float[K,4] all, float[L] means)
  <float one = {1}, int64 six = {6}> {
  y, all = Loop(n, go, x) <body = b (int64 i, bool c, float[4] s) => (bool d, float[4] t, float[4] e) {
    t = Add(s, one) sum = ReduceSum<keepdims = 0>(t) d = Less(sum, most) e = Neg(s)
  }>
  means = ReduceMean<axes = [1], keepdims = 0>(all)
}"""


@pytest.mark.parametrize("limit", ["n", "six"])
def test_a_condition_ends_a_loop_before_its_trip_count(limit: str) -> None:
    text = WHILE.replace("Loop(n", f"Loop({limit}")
    stops = [(12, True), (-99, True), (12, False), (1e9, True), (0, True)]
    module = check(text, *(feed(x=ROW, most=most, go=go, n=5) for most, go in stops))
    assert [cut.output for cut in module.cuts] == ["all", "means"]


def test_the_elements_of_a_loop_that_ended_are_reduced_along_iterations() -> None:
    text = WHILE.replace("means = ReduceMean<axes = [1]", "means = ReduceMax<axes = [0]")
    check(text, *(feed(x=ROW, most=most, go=True, n=5) for most in (12, -99, 1e9)))


def test_rows_that_are_read_where_there_may_be_none() -> None:
    """The iterations of a loop over N rows read them; without rows there is none."""
    text = """agraph (float[N,4] x) => (float[4] y, float[M,4] all) <float[4] w = {1, 2, 3, 4}> {
      shape = Shape<start = 0, end = 1>(x) n = Squeeze(shape)
      y, all = Loop(n, , w) <body = b (int64 i, bool c, float[4] s) => (bool d, float[4] t, float[4] e) {
        r = Gather(x, i) t = Add(s, r) e = Neg(r) d = Identity(c)
      }>
    }"""
    module = check(text, *(feed(x=np.ones((rows, 4), np.float32)) for rows in (0, 1, 3)))
    assert not module.constraints


def test_loops_in_loops_have_their_own_bounds() -> None:
    text = """agraph (float[3,4] x, float most) => (float y, float[K] all)
      <float none = {0}, int64 three = {3}, int64 five = {5}, float half = {0.5}, float many = {30}> {
      y, all = Loop(three, , none) <body = b (int64 i, bool c, float s) => (bool d, float t, float e) {
        r = Gather(x, i) m = ReduceMax<keepdims = 0>(r)
        last, each = Loop(five, c, m) <body = a (int64 j, bool f, float u) => (bool g, float v, float w) {
          v = Add(u, half) w = Neg(v) g = Less(v, most)
        }>
        e = ReduceSum<keepdims = 0>(each) t = Add(s, last) d = Less(t, many)
      }>
    }"""
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    check(text, *(feed(x=x, most=most) for most in (5, 9, -1, 100)))
