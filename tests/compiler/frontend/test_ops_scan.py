"""Scan, imported and interpreted, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import ModelError, UnsupportedError
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.control import Loop
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.verifier import verify
from onnx import ModelProto, parser

from ...models import Array, run_onnxruntime

# Element `e` of the last output is what is carried, weighed by the element of the other scan input.
BODY = """body = b (float[4] s, float[4] u, float[4] v) => (float[4] next, float[4] e, float[4,1] f) {
    next = Add(s, u) e = Mul(next, v) two = Constant<value = int64[2] {4, 1}> () f = Reshape(u, two)
  }"""
SCAN = f"""agraph (float[4] h, float[T,4] x, float[T,4] y) => (last, all, first) {{
  last, all, first = Scan<num_scan_inputs = 2, {BODY}>(h, x, y)
}}"""


def model(text: str, opset: int = 17) -> ModelProto:
    parsed: ModelProto = parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> {text}')
    return parsed


def real(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32)


def check(made: ModelProto, feed: dict[str, Array]) -> None:
    module = import_model(made)
    verify(module, ALL_DIALECTS)
    have, want = interpret(module, feed), run_onnxruntime(made, feed)
    for name, array in want.items():
        assert have[name].shape == array.shape
        np.testing.assert_allclose(have[name], array, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 6])
def test_elements_may_be_as_many_as_a_size_says(steps: int) -> None:
    check(model(SCAN), {"h": real(4), "x": real(steps, 4), "y": real(steps, 4)})


@pytest.mark.parametrize(
    "attributes",
    [
        "scan_input_directions = [1, 0]",
        "scan_input_directions = [1, 1], scan_output_directions = [0, 1]",
        "scan_output_directions = [1, 0], scan_output_axes = [1, -1]",
        "scan_output_axes = [-1, 1]",
    ],
)
def test_directions_and_axes(attributes: str) -> None:
    made = model(SCAN.replace("num_scan_inputs = 2", f"num_scan_inputs = 2, {attributes}"))
    check(made, {"h": real(4), "x": real(5, 4), "y": real(5, 4)})


def test_inputs_may_be_scanned_along_another_axis() -> None:
    text = SCAN.replace("num_scan_inputs = 2", "num_scan_inputs = 2, scan_input_axes = [1, -2]")
    check(
        model(text.replace("float[T,4] x", "float[4,T] x")), {"h": real(4), "x": real(4, 5), "y": real(5, 4)}
    )


def test_every_sequence_of_a_batch_is_scanned_by_itself_until_opset_8() -> None:
    text = SCAN.replace(
        "float[4] h, float[T,4] x, float[T,4] y", "float[B,4] h, float[B,T,4] x, float[B,T,4] y"
    )
    text = text.replace("(h, x, y)", "(, h, x, y)").replace(
        "num_scan_inputs = 2", "num_scan_inputs = 2, directions = [1, 0]"
    )
    text = text.replace("two = Constant<value = int64[2] {4, 1}> () f = Reshape(u, two)", "f = Neg(u)")
    made = model(text.replace("float[4,1] f", "float[4] f"), opset=8)
    check(made, {"h": real(3, 4), "x": real(3, 5, 4), "y": real(3, 5, 4)})
    loops = [op for op in import_model(made).walk() if isinstance(op, Loop)]
    assert [str(loop.count) for loop in loops] == ["B", "T"]


@pytest.mark.parametrize(
    ("old", "new", "kind", "message"),
    [
        ("num_scan_inputs = 2", "num_scan_inputs = 4", ModelError, "its body does not fit 3 inputs"),
        ("num_scan_inputs = 2", "num_scan_inputs = 2, scan_input_axes = [0]", ModelError, "has 1 numbers"),
        ("num_scan_inputs = 2", "num_scan_inputs = 2, scan_output_directions = [0, 2]", ModelError, "only 0"),
        ("next = Add(s, u) e = Mul(next, v)", "e = Add(s, v) next = Concat<axis = 0>(s, s)", UnsupportedError,
         "its carried value 0 is tensor<8xf32>, tensor<4xf32> is expected"),
    ],
)  # fmt: skip
def test_nodes_that_are_refused(old: str, new: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        import_model(model(SCAN.replace(old, new)))
    assert message in str(caught.value)
