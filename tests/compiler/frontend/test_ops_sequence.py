"""Sequences of tensors are lists of the importer: nothing of them is left, and the rest is refused."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.left_out import SEQUENCES
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError, UnsupportedError

from ...models import run_onnxruntime
from .texts import X, check, imported, model

NUMBERS = """<int64 zero = {0}, int64 one = {1}, int64 two = {2}, int64 last = {-1}, int64 before = {-2},
  int64 far = {3}, int64[2] sizes = {1, 2}, float[2,3] w = {1, 2, 3, 4, 5, 6}>"""


def text(body: str, result: str = "float[a,b] y", inputs: str = "float[2,3] x") -> str:
    return f"agraph ({inputs}) => ({result}) {NUMBERS} {{ {body} }}"


RIGHT = {
    "at the front": "s = SequenceConstruct(x, w) y = SequenceAt(s, zero)",
    "at the back": "s = SequenceConstruct(x, w) y = SequenceAt(s, last)",
    "inserted before the last": """s = SequenceConstruct(x, w) n = Neg(x) t = SequenceInsert(s, n, last)
        y = ConcatFromSequence<axis = 0>(t)""",
    "inserted behind the end": """s = SequenceConstruct(x, w) n = Neg(x) t = SequenceInsert(s, n, two)
        y = ConcatFromSequence<axis = -1>(t)""",
    "inserted into an empty one": "s = SequenceEmpty() t = SequenceInsert(s, x) y = SequenceAt(t, zero)",
    "erased": """s = SequenceConstruct(x, w, x) t = SequenceErase(s, before) u = SequenceErase(t)
        y = ConcatFromSequence<axis = 1>(u)""",
    "passed on": "s = SequenceConstruct(x, w) t = Identity(s) y = SequenceAt(t, one)",
    "split and stacked": """s = SplitToSequence<axis = 1, keepdims = 0>(x)
        y = ConcatFromSequence<axis = -1, new_axis = 1>(s)""",
    "split unevenly": """s = SplitToSequence<axis = 1>(x, two) a = SequenceAt(s, last) b = SequenceAt(s, zero)
        y = Concat<axis = 1>(a, b)""",
    "split by sizes": "s = SplitToSequence<axis = -1>(x, sizes) y = SequenceAt(s, one)",
    "through a loop that is certain": """s = SequenceEmpty() c = Less(zero, one)
        t = Loop(far, c, s) <body = p (int64 i, bool d, seq(float[a,b]) f) => (bool e, seq(float[a,b]) g) {
          e = Identity(d) j = Cast<to = 1>(i) n = Mul(x, j) g = SequenceInsert(f, n, zero) }>
        y = ConcatFromSequence<axis = 0>(t)""",
    "through a branch that is certain": """c = Less(zero, one)
        s = If(c) <then_branch = p () => (seq(float[a,b]) f) { f = SequenceConstruct(x, w) },
                   else_branch = q () => (seq(float[a,b]) g) { g = SequenceConstruct(x) }>
        y = SequenceAt(s, one)""",
    "from around a branch": """s = SequenceConstruct(x, w) k = ReduceSum<keepdims = 0>(x) c = Less(k, k)
        y = If(c) <then_branch = p () => (float[a,b] f) { f = SequenceAt(s, zero) },
                   else_branch = q () => (float[a,b] g) { g = SequenceAt(s, one) }>""",
}


@pytest.mark.parametrize("case", RIGHT)
def test_agrees_with_onnxruntime(case: str) -> None:
    module = check(text(RIGHT[case]), {"x": X})
    assert not [op.name for op in module.walk() if "sequence" in op.name.lower()]


def test_the_length_is_a_constant() -> None:
    """So that another position may be computed from it."""
    body = """s = SplitToSequence<axis = 1>(x) y = SequenceLength(s) p = Sub(y, one) z = SequenceAt(s, p)"""
    check(text(body, "int64 y, float[a,b] z"), {"x": X})


def test_a_symbolic_size_that_constant_sizes_make_up() -> None:
    """The sizes determine N, in the sequence that was there before, too."""
    body = """d = Shape(x) e = SequenceConstruct(d) s = SplitToSequence<axis = 1>(x, sizes)
        f = SequenceAt(e, zero) z = Reshape(x, f) p = SequenceAt(s, one) y = Concat<axis = 1>(z, p)"""
    source = text(body, inputs="float[2,N] x")
    module = imported(source)
    np.testing.assert_array_equal(
        interpret(module, {"x": X})["y"], run_onnxruntime(model(source), {"x": X})["y"]
    )


def test_parts_of_a_batch_of_any_size() -> None:
    body = "s = SplitToSequence<axis = 1, keepdims = 0>(x) y = ConcatFromSequence<axis = 0, new_axis = 1>(s)"
    module = imported(text(body, inputs="float[N,3] x"))
    for batch in (1, 5):
        x = np.arange(3 * batch, dtype=np.float32).reshape(batch, 3)
        np.testing.assert_array_equal(interpret(module, {"x": x})["y"], x.T)


MALFORMED = {
    "s = SequenceConstruct(x, w) y = SequenceAt(s, two)": "position 2 is out of range for a sequence of 2",
    "s = SequenceConstruct(x) y = SequenceAt(s, before)": "position -2 is out of range for a sequence of 1",
    "s = SequenceConstruct(x) t = SequenceInsert(s, x, two) y = SequenceAt(t, zero)": "position 2 is out of",
    "s = SequenceConstruct(x) t = SequenceErase(s, one) y = SequenceAt(t, zero)": "position 1 is out of",
    "s = SequenceEmpty() t = SequenceErase(s) y = SequenceAt(t, zero)": "its sequence is empty",
    "s = SequenceEmpty() y = ConcatFromSequence<axis = 0>(s)": "its sequence is empty",
    "s = SequenceEmpty<dtype = 7>() t = SequenceInsert(s, x) y = SequenceAt(t, zero)": "a sequence of i64",
    "s = SequenceConstruct(x, one) y = SequenceAt(s, zero)": "different element types: f32 and i64",
    "s = SequenceConstruct(x) y = ConcatFromSequence<axis = 2>(s)": "axis 2 is out of range",
    "y = SequenceAt(x, zero)": "its input 0 cannot have the element type f32",
    "s = SequenceConstruct(x) y = Relu(s)": "its input 0 cannot be a sequence of the element type f32",
    "s = SequenceConstruct(x) y = SequenceAt(s, sizes)": "its position has 2 elements",
    "s = SplitToSequence(x, zero) y = SequenceAt(s, zero)": "its size of parts is 0",
    "s = SplitToSequence<axis = 0>(x, sizes) y = SequenceAt(s, zero)": "make up the axis",
}


@pytest.mark.parametrize("body", MALFORMED)
def test_what_no_sequence_has(body: str) -> None:
    with pytest.raises(ModelError) as caught:
        imported(text(body))
    assert MALFORMED[body] in str(caught.value)


COUNT = "float[N,3] x, int64 k, bool c"
REFUSED = {
    "a position that data decides": "s = SequenceConstruct(x, x) y = SequenceAt(s, k)",
    "a number of parts that sizes decide": "s = SplitToSequence(x) y = SequenceAt(s, zero)",
    "an output": "y = SequenceConstruct(x, x)",
    "a value of a branch": """s = If(c) <
        then_branch = p () => (seq(float[a,b]) f) { f = SequenceConstruct(x) },
        else_branch = q () => (seq(float[a,b]) g) { g = SequenceConstruct(x) }> y = SequenceAt(s, zero)""",
    "a value of a loop": """s = SequenceConstruct(x, x) t = Loop(k, c, s) <body = p (int64 i, bool d,
        seq(float[a,b]) f) => (bool e, seq(float[a,b]) g) { e = Identity(d) g = Identity(f) }>
        y = SequenceAt(t, zero)""",
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_sentence_tells_what_is_refused(case: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        imported(text(REFUSED[case], inputs=COUNT))
    (offender,) = caught.value.offenders
    assert SEQUENCES in str(offender)


def test_an_input_that_is_a_sequence_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="input 's': its type is a sequence, not a tensor"):
        imported(text("y = SequenceAt(s, zero)", inputs="seq(float[2,3]) s"))


def test_a_tensor_that_no_op_computes_makes_no_second_refusal() -> None:
    body = "r = RandomNormalLike(x) s = SequenceConstruct(x, r) t = SequenceErase(s) y = SequenceAt(t, zero)"
    with pytest.raises(UnsupportedError) as caught:
        imported(text(body))
    assert [str(each).split(" node ")[0] for each in caught.value.offenders] == ["RandomNormalLike"]
