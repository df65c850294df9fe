"""What reads a size that data decides: small models against ONNX Runtime, for none, some and all elements."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.verifier import verify
from glassrt.errors import UnsupportedError
from onnx import ModelProto, parser

from ...models import Array, run_onnxruntime
from .nodes import LEVEL

F32 = np.float32
# Bodies read x [6, 4], k [n, 4], which are its rows that the flags c choose, and m, which are those of d.
HEAD = """
<ir_version: 8, opset_import: ["" : 18]>
agraph (float[6, 4] x, bool[6] c, bool[6] d) => (%s y)
<float zero = {0}, float[2] off_on = {0, 1}, int64[1] first = {0}, int64[1] second = {1}, int64[1] two = {2},
 int64[1] rest = {-1}, int64[2] flat = {-1, 2}, int64[1] four = {4},
 int64[3] cube = {-1, 2, 2}, int64[2] ones = {1, 2}, int64 six = {6},
 int64[1] far = {9223372036854775807}, int64[1] before = {-2},
 int64[4] pads = {0, 1, 2, 0}, int64 one = {1}, int64 none = {0}, int64[1] six1 = {6}>
{
  k = Compress <axis = 0> (x, c)
  m = Compress <axis = 0> (x, d)
  %s
}
"""
F, NUMBERS = "float[a, b]", "int64[a]"
MISSING = "s = Shape <start = 0, end = 1> (k) l = Sub(six1, s) f = Concat <axis = 0> (l, four)"
MANY = "k, m, k, x, m, m, k, k, m, k, k, m, x, m, k, k, m"
RIGHT = {
    "elementwise": (F, "r = Relu(k) y = Add(r, k)"),
    "the other of two": (F, "y = Mul(m, m)"),
    "reshaped": (F, "y = Reshape(k, flat)"),
    "reshaped by one more axis": ("float[a, b, c]", "y = Reshape(k, cube)"),
    "reshaped to rows": ("float[a, 1, b]", "y = Unsqueeze(k, second)"),
    "transposed": (F, "y = Transpose(k)"),
    "the first two": (F, "y = Slice(k, first, two, first)"),
    "columns": (F, "y = Slice(k, first, two, second)"),
    "each second one": (F, "y = Slice(k, first, four, first, two)"),
    "all but the first": (F, "y = Slice(k, second, six1, first)"),
    "every second one but the first": (F, "y = Slice(k, second, four, first, two)"),
    "the last": (F, "y = Slice(k, rest, far, first)"),
    "the last but one": (F, "y = Slice(k, before, rest, first)"),
    "steps from one to the next": (
        F,
        "a = Slice(k, second, far, first) b = Slice(k, first, rest, first) y = Sub(a, b)",
    ),
    "joined at the end": (F, "y = Concat <axis = 0> (x, k)"),
    "joined at the beginning": (F, "y = Concat <axis = 0> (k, x)"),
    "joined in the middle": (F, "y = Concat <axis = 0> (k, x, m, k)"),
    "joined, then reduced": (F, "j = Concat <axis = 0> (k, m) y = ReduceMax <keepdims = 1> (j, first)"),
    "joined of many": (F, f"y = Concat <axis = 0> ({MANY})"),
    "chosen of what many are joined to": (
        F,
        f"j = Concat <axis = 0> ({MANY}) r = ReduceMax <keepdims = 0> (j, second) e = Greater(r, zero) "
        "n = NonZero(e) p = Squeeze(n, first) q = Slice(p, first, six1, first) y = Gather <axis = 0> (j, q)",
    ),
    "padded to a fixed number": (
        "float[6, 4]",
        f"{MISSING} p = ConstantOfShape(f) y = Concat <axis = 0> (k, p)",
    ),
    "padded before, and flat": (
        "float[24]",
        f"{MISSING} p = Expand(zero, f) j = Concat <axis = 0> (p, k) y = Reshape(j, rest)",
    ),
    "what is missing, and its size": (
        "int64[2]",
        f"{MISSING} p = ConstantOfShape(f) e = Exp(p) y = Shape(e)",
    ),
    "padded": (F, "y = Pad(k, pads)"),
    "padded at the end of the columns": (F, "y = Pad(k, pads, zero)"),
    "sum": (F, "e = Exp(k) y = ReduceSum <keepdims = 1> (e, first)"),
    "sum of all": ("float", "y = ReduceSum <keepdims = 0> (k)"),
    "product": (F, "y = ReduceProd <keepdims = 1> (k, first)"),
    "sum of squares": (F, "y = ReduceSumSquare <keepdims = 1> (k, first)"),
    "of each row": (F, "y = ReduceMean <keepdims = 1> (k, second)"),
    "mean of integers": (
        NUMBERS,
        "i = Cast <to = 7> (k) y = ReduceMean <keepdims = 0> (i, first)",
    ),
    "one at the largest of each column": (F, "y = Hardmax <axis = 0> (k)"),
    "one at the largest of each row": (F, "y = Hardmax <axis = 1> (k)"),
    "the last of the most frequent": (
        "int64[1]",
        "v, i, j, z = Unique(x) y = ArgMax <select_last_index = 1> (z)",
    ),
    "back to what was unique": (
        "float[a, b]",
        "v, i, j, z = Unique(x) g = Gather(v, j) s = Shape(x) y = Reshape(g, s)",
    ),
    "running sum": (F, "y = CumSum(k, none)"),
    "running sum from the end": (F, "y = CumSum <reverse = 1> (k, none)"),
    "softmax of rows": (F, "y = Softmax <axis = 1> (k)"),
    "softmax of columns": (F, "y = Softmax <axis = 0> (k)"),
    "log-softmax of columns": (F, "y = LogSoftmax <axis = 0> (k)"),
    "layer norm": (
        F,
        "s = Slice(x, first, second, first) g = Squeeze(s, first) y = LayerNormalization(k, g)",
    ),
    "rows of a product": (F, "t = Transpose(x) y = MatMul(k, t)"),
    "columns of a product": (F, "t = Transpose(k) y = MatMul(x, t)"),
    "both of a product": (F, "t = Transpose(m) y = MatMul(k, t)"),
    "inside of a product": (F, "e = Exp(k) t = Transpose(e) y = MatMul(t, e)"),
    "its size": (NUMBERS, "y = Shape(k)"),
    "its size in arithmetic": ("int64", "s = Size(k) t = Mul(s, s) y = Add(t, six)"),
    "as many numbers": (
        NUMBERS,
        "s = Shape <start = 0, end = 1> (k) n = Squeeze(s, first) y = Range(none, n, one)",
    ),
    "as many constants": (F, "s = Shape(k) y = ConstantOfShape(s)"),
    "expanded": (F, "s = Shape(k) r = Slice(x, first, second, first) y = Expand(r, s)"),
    "chosen again": ("float[a]", "g = Greater(k, zero) f = Reshape(g, rest) y = Compress(k, f)"),
    "positions in it": ("int64[2, a]", "f = Greater(k, zero) y = NonZero(f)"),
    "unlike elements": ("float[a]", "r = Round(k) y, i, j, z = Unique(r)"),
    "sorted wholly": (F, "s = Shape <start = 0, end = 1> (k) y, p = TopK <axis = 0> (k, s)"),
    "the least, up to two": (
        F,
        "s = Shape <start = 0, end = 1> (k) t = Min(s, two) y, p = TopK <axis = 0, largest = 0> (k, t)",
    ),
    "places of the largest": (
        "int64[a, b]",
        "s = Shape <start = 0, end = 1> (k) t = Min(s, two) v, y = TopK <axis = 0> (k, t)",
    ),
    "gathered by places": (F, "z = NonZero(c) i = Squeeze(z, first) y = Gather <axis = 0> (x, i)"),
    "gathered from it by places": (
        F,
        "s = Shape <start = 0, end = 1> (k) n = Squeeze(s, first) r = Range(none, n, one) i = Sub(r, n) "
        "y = Gather <axis = 0> (k, i)",
    ),
    "gathered by positions": (
        "float[a]",
        "g = Greater(x, zero) z = NonZero(g) i = Transpose(z) y = GatherND(x, i)",
    ),
    "scattered": (F, "z = NonZero(c) i = Transpose(z) y = ScatterND(x, i, k)"),
    "added where they were": (
        F,
        'z = NonZero(c) i = Transpose(z) y = ScatterND <reduction = "add"> (x, i, k)',
    ),
    "one at": (F, "z = NonZero(c) i = Squeeze(z, first) y = OneHot(i, six, off_on)"),
    "as many rows as it has, up to two": (
        F,
        "s = Shape <start = 0, end = 1> (k) t = Min(s, two) y = Slice(x, first, t, first)",
    ),
    "a part from where it begins": (
        F,
        "s = Shape <start = 0, end = 1> (k) t = Min(s, two) e = Add(t, two) y = Slice(x, t, e, first)",
    ),
    "its upper triangle": (F, "y = Trilu(k)"),
    "tiled": (F, "y = Tile(k, ones)"),
}


def made(type: str, body: str) -> ModelProto:
    return parser.parse_model(HEAD % (type, body))


def inputs() -> Iterator[dict[str, Array]]:
    generator = np.random.default_rng(0)
    for some in ([0] * 6, [1] * 6, [0, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 1]):
        x = generator.standard_normal((6, 4)).astype(F32)
        yield {"x": x, "c": np.array(some, bool), "d": generator.integers(0, 2, 6).astype(bool)}


@pytest.mark.parametrize("name", RIGHT)
def test_agrees_with_onnxruntime(name: str) -> None:
    model = made(*RIGHT[name])
    module = import_model(model)
    verify(module, LEVEL)
    for given in inputs():
        [wanted], [found] = run_onnxruntime(model, given).values(), interpret(module, given).values()
        assert found.shape == wanted.shape and found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, 1e-5, 1e-5)


# What ONNX Runtime refuses where no row is chosen, since a 0 in a shape copies a size.
SOME = {
    "flattened rows": "n = Shape <start = 0, end = 1> (k) t = Concat <axis = 0> (n, rest) y = Reshape(k, t)",
    "with an axis more": "n = Shape(k) t = Concat <axis = 0> (second, n) "
    "r = Reshape(k, t) y = Squeeze(r, first)",
}


@pytest.mark.parametrize("name", SOME)
def test_a_count_in_a_shape_copies_no_size(name: str) -> None:
    model = made(F, SOME[name])
    module = import_model(model)
    for given in inputs():
        [found] = interpret(module, given).values()
        np.testing.assert_array_equal(found, given["x"][given["c"]])
        if given["c"].any():
            np.testing.assert_array_equal(found, run_onnxruntime(model, given)["y"])


REFUSED = {
    "merged from inside": ("float[a]", "t = Transpose(k) y = Reshape(t, rest)", "changes where elements are"),
    "the last one": (F, "y = Slice(k, rest, six1, first)", "depends on data"),
    "a diagonal that it names": (
        F,
        "s = Shape <start = 0, end = 1> (k) n = Squeeze(s, first) y = Trilu(x, n)",
        "which diagonal it keeps depends on data",
    ),
    "padded by it": (
        F,
        "s = Shape <start = 0, end = 1> (k) q = Concat <axis = 0> (s, first, first, first) y = Pad(x, q)",
        "how much it pads before x depends on data",
    ),
    "sizes that may differ": (F, "y = Add(k, m)", "it requires that two sizes .*, and .* depends on data"),
    "a size that it may not have": (F, "y = Add(k, x)", "depends on data"),
    "one that may not be there": ("float[b]", "y = Gather <axis = 0> (k, none)", "depends on data"),
    "an extreme that may not be there": ("int64[b]", "y = ArgMax <axis = 0> (k)", "depends on data"),
    "an op without a rule": (
        "float[a, b, c]",
        "u = Unsqueeze(k, second) y = LpPool <kernel_shape = [1]> (u)",
        "lp_pool",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_be_wrong_for_some_counts_is_refused(name: str) -> None:
    type, body, message = REFUSED[name]
    with pytest.raises(UnsupportedError, match=message) as caught:
        import_model(made(type, body))
    assert all(each.nodes for each in caught.value.cases)
