"""How many first rows of a tensor are read, in small models; and what NonMaxSuppression does with it."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.external import ExternalFiles
from glassrt.compiler.frontend.first_rows import ALL, FirstRows
from glassrt.dialects.control import Loop

from .texts import check, model

CONSTANTS = """<int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[1] seven = {7},
  int64[1] end = {9223372036854775807}, int64[1] minus = {-1}>"""
CUT = "y = Slice(r, zero, seven, zero)"
READ = {
    "not cut": ("y = Neg(r)", ALL),
    "cut": (CUT, 7),
    "cut from the second on": ("y = Slice(r, two, seven, zero)", 7),
    "cut in other columns": ("y = Slice(r, zero, seven, one)", ALL),
    "cut in columns first": (f"q = Slice(r, zero, two, one) {CUT.replace('(r', '(q')}", 7),
    "cut to the end": ("y = Slice(r, zero, end, zero)", ALL),
    "cut from the end": ("y = Slice(r, minus, end, zero)", ALL),
    "cut but for the last": ("y = Slice(r, zero, minus, zero)", ALL),
    "cut at what is computed": ("n = Add(seven, one) y = Slice(r, zero, n, zero)", ALL),
    "backwards": ("y = Slice(r, seven, zero, zero, minus)", ALL),
    "a cut of a cut": (
        f"q = Slice(r, two, seven, zero) {CUT.replace('seven', 'two').replace('(r', '(q')}",
        4,
    ),
    "a cut of every second row": (
        f"q = Slice(r, one, seven, zero, two) {CUT.replace('seven', 'two').replace('(r', '(q')}",
        4,
    ),
    "two cuts": (f"{CUT} z = Slice(r, zero, two, zero)", 7),
    "cut, and its size": (f"{CUT} s = Shape(r)", ALL),
    "a column": ("i = Gather<axis = 1>(r, one) j = Squeeze(i, one) y = Slice(j, zero, seven, zero)", 7),
    "rows that are picked": ("i = Gather<axis = 0>(r, one) y = Slice(i, zero, seven, zero)", ALL),
    "a branch": (
        "k = If(c) <then_branch = a () => (p) { p = Identity(r) }, else_branch = b () => (q) { q = Neg(x) }> "
        f"{CUT.replace('(r', '(k')}",
        7,
    ),
    "a loop": (
        "k = Loop(m, c, x) <body = b (int64 i, bool g, float[9,2] v) => (h, w) { h = Identity(g) "
        f"w = Add(v, r) }}> {CUT.replace('(r', '(k')}",
        ALL,
    ),
}


def rows(body: str, name: str = "r") -> int:
    text = f"agraph (float[9,2] x, bool c, int64 m) => (y) {CONSTANTS} {{ r = Relu(x) {body} }}"
    return FirstRows(model(text), ExternalFiles(None)).most(name)


@pytest.mark.parametrize("what", READ)
def test_they_are_found(what: str) -> None:
    body, wanted = READ[what]
    assert rows(body) == wanted


def test_outputs_and_unknown_tensors_are_read_wholly() -> None:
    assert rows(CUT, "y") == rows(CUT, "none") == ALL
    assert rows("y = Identity(r) r = Identity(y)") == ALL  # no valid model


def test_a_number_that_is_an_input_is_not_known() -> None:
    text = f"agraph (float[9,2] x, int64[1] seven) => (y) {CONSTANTS} {{ r = Relu(x) {CUT} }}"
    assert FirstRows(model(text), ExternalFiles(None)).most("r") == ALL


def test_a_name_of_a_function_is_no_constant_of_the_model() -> None:
    text = f"""agraph (float[9,2] x, int64[1] more) => (y, z) {CONSTANTS} {{
      n = Add(seven, more) r = Relu(x) y = Slice(r, zero, n, zero) z = own.cut(x, zero, n)
    }}
    <domain: "own", opset_import: ["" : 17]> cut (s, zero, seven) => (y) {{
      n = Constant<value = int64[1] {{2}}>() q = Relu(s) p = Slice(q, zero, seven, zero)
      y = Slice(p, zero, n, zero)
    }}"""
    found = FirstRows(model(text), ExternalFiles(None))
    assert found.most("r") == found.most("q") == ALL


def test_no_more_boxes_are_selected_than_are_read() -> None:
    text = f"""agraph (float[1,9,4] x, float[1,2,9] s) => (int64[a,3] y) {CONSTANTS} {{
      overlap = Constant<value = float {{0.5}}>()
      r = NonMaxSuppression(x, s, end, overlap)
      {CUT}
    }}"""
    generator = np.random.default_rng(0)
    boxes = generator.uniform(0, 9, (1, 9, 4)).astype(np.float32)
    module = check(text, {"x": boxes, "s": generator.uniform(0, 1, (1, 2, 9)).astype(np.float32)})
    (loop,) = (op for op in module.walk() if isinstance(op, Loop))
    assert loop.count == 7
