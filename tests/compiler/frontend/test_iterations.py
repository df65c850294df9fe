"""Slices in the body of a loop that begin at its iteration, against ONNX Runtime."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt import InputError, UnsupportedError

from .texts import check, imported, model

X = np.arange(15, dtype=np.float32).reshape(5, 3)
TEXT = """agraph (float[5,3] x, int64 n) => (float[A,B] y, float[K,A,B] all)
  <int64 one = {1}, int64[1] three = {3}, int64[1] axis = {0}, int64[1] step = {1}, float[1,1] zero = {0}> {
  first = Slice(x, INITIAL)
  y, all = Loop(n, , first) <body = b (int64 i, bool c, float[3,3] v) => (bool d, w, float[3,3] e) {
    d = Identity(c)
    j = Add(one, i) k = Sub(j, one) START = Unsqueeze(k, axis)
    END = Add(START, three)
    s = Slice(x, ARGUMENTS)
    w = Add(v, s) e = Neg(w)
  }>
}"""


def text(initial: str, arguments: str) -> str:
    changed = TEXT.replace("INITIAL", initial).replace("ARGUMENTS", arguments)
    return changed.replace("START", "from").replace("END", "to")


def feeds(*counts: int) -> list[dict[str, np.ndarray]]:
    return [{"x": X, "n": np.array(count)} for count in counts]


@pytest.mark.parametrize("arguments", ["from, to", "from, to, axis", "from, to, axis, step"])
def test_rows_from_the_iteration_on(arguments: str) -> None:
    check(text("axis, three", arguments), *feeds(0, 1, 3))


def test_the_host_refuses_an_iteration_that_leaves_the_tensor() -> None:
    plan = glassrt.compile(model(text("axis, three", "from, to")), target="host")
    with glassrt.load(plan, device="host") as engine:
        (given,) = feeds(2)
        np.testing.assert_array_equal(engine.run(given)["y"], X[:3] + X[:3] + X[1:4])
        with pytest.raises(InputError, match="every iteration finds 3 elements along axis 0"):
            engine.run(feeds(4)[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("to = Add(from, three)", "to = Add(from, from)"),
        ("to = Add(from, three)", "to = Sub(from, three)"),
        ("k = Sub(j, one)", "two = Add(one, one) k = Sub(i, two)"),
        ("step = {1}", "step = {2}"),
    ],
)
def test_what_has_no_fixed_number_of_elements_is_refused(old: str, new: str) -> None:
    changed = text("axis, three", "from, to, axis, step").replace(old, new)
    with pytest.raises(UnsupportedError, match="depends on the data"):
        imported(changed)
