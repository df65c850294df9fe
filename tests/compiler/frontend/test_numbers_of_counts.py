"""Numbers made of counts and of numbers in inputs: powers, comparisons, and what must not be folded."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from onnx import parser

from ...models import Array, run_onnxruntime

HEAD = '<ir_version: 10, opset_import: ["" : 21]>\n'
X = np.array([[-1, 2, 3, -4], [5, -6, 0, 1], [1, 1, -2, 2]], np.float32)
COUNT = (
    "zero = Constant <value_float = 0.0> () c = Greater(a, zero) z = NonZero(c) n = Shape <start = 1> (z) "
)

# By what they do: the rest of a graph from a [3, 4] to y; n is the number of positive elements, 7 of X.
OF_COUNTS = {
    "a square": ("int64[1] y", "y = Mul(n, n)"),
    "a cube and a square": ("int64[1] y", "s = Mul(n, n) q = Mul(s, n) y = Add(q, s)"),
    "twice a square": ("int64[1] y", "s = Mul(n, n) y = Add(s, s)"),
    "a mean over both counted axes": (
        "float y",
        "t = Transpose(z) e = GatherND(a, t) zeroth = Constant <value_ints = [0]> () "
        "first = Constant <value_ints = [1]> () u = Unsqueeze(e, first) w = Unsqueeze(e, zeroth) "
        "q = Mul(u, w) y = ReduceMean <keepdims = 0> (q)",
    ),
    "as many elements as a square": ("float[k] y", "s = Mul(n, n) y = ConstantOfShape(s)"),
    "a comparison": ("bool[1] y", "five = Constant <value_ints = [5]> () y = Greater(n, five)"),
    "a quotient of a difference": (
        "int64[1] y",
        "seven = Constant <value_ints = [7]> () two = Constant <value_ints = [2]> () d = Sub(n, seven) "
        "y = Div(d, two)",
    ),
    "a branch": (
        "float[3, 4] y",
        "five = Constant <value_ints = [5]> () g = Greater(n, five) h = Squeeze(g) "
        "y = If(h) <then_branch = t () => (float[3, 4] o) { o = Neg(a) }, "
        "else_branch = e () => (float[3, 4] p) { p = Relu(a) }>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("given", [X, -np.abs(X), np.abs(X) + 1], ids=["some", "none", "all"])
@pytest.mark.parametrize("what", OF_COUNTS)
def test_they_are_those_of_onnxruntime(what: str, given: Array) -> None:
    output, body = OF_COUNTS[what]
    model = parser.parse_model(f"{HEAD}g (float[3, 4] a) => ({output}) {{ {COUNT} {body} }}")
    wanted = run_onnxruntime(model, {"a": given})["y"]
    if what == "a mean over both counted axes" and not (given > 0).any():
        wanted = np.full_like(wanted, np.nan)  # a mean of nothing, which ONNX Runtime gives as 0
    np.testing.assert_allclose(interpret(import_model(model), {"a": given})["y"], wanted, rtol=1e-5)


@pytest.mark.parametrize("k", [-1, 0, 2])
def test_a_constant_is_not_folded_by_a_number_that_an_input_holds(k: int) -> None:
    weights = "float[3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}"
    model = parser.parse_model(
        f"{HEAD}g (float[3, 3] a, int64 k) => (float[3, 3] y) <{weights}> {{ u = Trilu(w, k) y = Add(a, u) }}"
    )
    given = {"a": X[:, :3], "k": np.array(k)}
    with glassrt.load(glassrt.compile(model, target="host"), "host") as engine:
        np.testing.assert_array_equal(engine.run(given)["y"], run_onnxruntime(model, given)["y"])


def test_a_resize_to_nothing_is_empty() -> None:
    model = parser.parse_model(
        f"{HEAD}g (float[4, 1, 2] a) => (float[4, z, 4] y) <float[3] s = {{1.0, 0.75, 2.0}}> "
        '{ y = Resize <mode = "nearest", coordinate_transformation_mode = "pytorch_half_pixel"> (a, , s) }'
    )
    with glassrt.load(glassrt.compile(model, target="host"), "host") as engine:
        assert engine.run({"a": np.ones((4, 1, 2), np.float32)})["y"].shape == (4, 0, 4)
