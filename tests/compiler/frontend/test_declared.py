"""Types that a model declares, against those that are inferred."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend.declared import Declared
from glassrt.compiler.frontend.problems import Malformed
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import TensorType
from onnx import TensorProto, helper

HALF = helper.make_tensor_value_info("half", TensorProto.FLOAT16, None)
SIZED = helper.make_tensor_value_info("sized", TensorProto.FLOAT, ["N", 3])
OPEN = helper.make_empty_tensor_value_info("open")
DECLARED = Declared(helper.make_graph([], "g", [], [SIZED], value_info=[HALF, OPEN]))


def test_what_agrees_or_is_not_declared_is_right() -> None:
    DECLARED.check("half", TensorType((2, 3), F16))
    DECLARED.check("sized", TensorType((7, 3), F32))
    DECLARED.check("sized", TensorType((7, symbol("K")), F32))
    for name in ("open", "another"):
        DECLARED.check(name, TensorType((2, 3), F32))


@pytest.mark.parametrize(
    ("name", "type", "message"),
    [
        ("half", TensorType((2,), F32), "its output 'half' is declared as FLOAT16, but it is f32"),
        ("sized", TensorType((7, 4), F32), r"its output 'sized' is declared as \[N, 3\], but it is"),
        ("sized", TensorType((7, 3, 1), F32), "is declared as"),
    ],
)
def test_a_contradiction_is_a_fault_of_the_model(name: str, type: TensorType, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        DECLARED.check(name, type)
