"""Nodes that reshape mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import InputError, UnsupportedError

from .graphs import model, node
from .nodes import Case, case, check, expanded, ints, label, real

CASES = [
    case("Identity", (7, 16), real(2, 3)),
    case("Reshape", (7, 13, 14, 21), real(2, 3, 4), ints(4, -1), constant=(1,)),
    case("Reshape", 7, real(2, 3, 4), ints(0, -1), constant=(1,)),
    case("Reshape", 14, real(2, 3, 4), ints(0, 4, 3), constant=(1,)),
    case("Flatten", (9, 13), real(2, 3, 4)),
    case("Flatten", 11, real(2, 3, 4), axis=0),
    case("Flatten", 11, real(2, 3, 4), axis=-1),
    case("Squeeze", (7, 11), real(1, 3, 1), axes=[0]),
    case("Squeeze", (7, 11), real(1, 3, 1)),
    case("Squeeze", 13, real(1, 3, 1), ints(-1), constant=(1,)),
    case("Squeeze", 13, real(1, 3, 1)),
    case("Unsqueeze", (7, 11), real(3, 2), axes=[0, 2]),
    case("Unsqueeze", 13, real(3, 2), ints(-1, 0), constant=(1,)),
    case("Expand", (8, 13), real(3, 1), ints(2, 1, 4), constant=(1,)),
    case("Shape", (7, 13), real(2, 3, 4)),
    case("Shape", 15, real(2, 3, 4), start=1, end=-1),
    case("Shape", 15, real(2, 3, 4), start=-2),
    case("Size", (7, 13), real(2, 3, 4)),
    case("Dropout", (7, 10), real(2, 3)),
    case("Dropout", (12, 13), real(2, 3), outputs=2),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


SQUEEZED = model([node("Squeeze", "x")], {"x": ("N", 1, 3)})


def test_a_squeeze_without_axes_keeps_a_size_that_is_usually_not_1() -> None:
    module = import_model(SQUEEZED)
    assert [str(dim) for dim in module.main.returned[0].type.shape] == ["N", "3"]
    x = real(2, 1, 3)
    np.testing.assert_array_equal(interpret(module, {"x": x})["y"], x[:, 0])
    with pytest.raises(InputError, match="axis 0 is kept"):
        interpret(module, {"x": real(1, 1, 3)})


def test_a_squeeze_without_axes_of_a_size_that_is_usually_1_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="whether axis 0 of size N is removed"):
        import_model(SQUEEZED, shapes={"N": (1, 1, 4)})
    always = import_model(SQUEEZED, shapes={"N": (1, 1, 1)})
    assert interpret(always, {"x": real(1, 1, 3)})["y"].shape == (3,)
