"""Nodes that reshape mean what ONNX Runtime computes."""

from __future__ import annotations

import pytest

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
