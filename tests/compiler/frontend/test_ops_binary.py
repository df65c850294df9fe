"""Elementwise nodes of several operands mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, label, real, whole

POSITIVE = {"low": 0.1, "high": 3.0}

CASES = [
    *[case(op, (7, 14), real(2, 1, 4), real(3, 1)) for op in ("Add", "Sub", "Mul")],
    case("Div", (7, 14), real(2, 3), real(3, **POSITIVE)),
    case("Div", 14, whole(8), np.array([-3, 2, 5, -1, 7, 3, -2, 4])),
    case("Pow", (7, 12, 15), real(3, **POSITIVE), real(3)),
    case("Pow", 12, real(3), np.array(2, np.int64)),
    case("Pow", 12, whole(3, low=1, high=9), np.array([2.0, 0.5, 1.5], np.float32)),
    case("Pow", 12, whole(3, dtype=np.int32, low=1, high=5), whole(3, low=0, high=4)),
    case("Mod", 10, whole(8), np.array([-3, 2, 5, -1, 7, 3, -2, 4])),
    case("Mod", 13, real(8, low=-9, high=9), real(8, **POSITIVE), fmod=1),
    case("Equal", (7, 13), whole(2, 3, low=0, high=2), whole(3, low=0, high=2)),
    case("Less", (7, 9), real(2, 3), real(3)),
    case("Greater", (7, 9), real(2, 3), real(3)),
    case("LessOrEqual", (12, 16), real(2, 3), real(3)),
    case("GreaterOrEqual", (12, 16), real(2, 3), real(3)),
    *[case(op, 7, np.array([True, False, True]), np.array([[True], [False]])) for op in ("And", "Or", "Xor")],
    *[
        case(f"Bitwise{op}", 18, whole(4, dtype=np.int32), whole(4, dtype=np.int32))
        for op in ("And", "Or", "Xor")
    ],
    case(
        "BitShift",
        11,
        whole(4, dtype=np.uint8, low=0, high=200),
        whole(4, dtype=np.uint8, low=0, high=5),
        direction="LEFT",
    ),
    case(
        "BitShift",
        11,
        whole(4, dtype=np.uint32, low=0, high=99),
        whole(4, dtype=np.uint32, low=0, high=5),
        direction="RIGHT",
    ),
    case("PRelu", (7, 9, 16), real(2, 3, 4), real(3, 1, low=0.1, high=0.5)),
    *[case(op, (8, 13), real(2, 3), real(3), real(2, 1)) for op in ("Max", "Min", "Sum", "Mean")],
    case("Max", 13, real(2, 3)),
    case("Min", 12, whole(4), whole(4)),
    case("Where", (9, 16), np.array([[True], [False]]), real(2, 3), real(3)),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
