"""Pad means what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, ints, label, real, scalar

F32 = np.float32

CASES = [
    case("Pad", 7, real(2, 3), pads=[1, 0, 0, 2], value=0.5),
    case("Pad", 7, real(3, 4), pads=[1, 2, 1, 1], mode="reflect"),
    case("Pad", (11, 13), real(2, 3), ints(0, 1, 2, 0), constant=(1,)),
    case("Pad", 13, real(2, 3), ints(0, 1, 2, 0), scalar(1.5, F32), constant=(1,)),
    case("Pad", 13, real(2, 3), ints(0, 1, 1, 0), mode="edge", constant=(1,)),
    case("Pad", 13, real(4, 5), ints(0, -1, -2, 1), constant=(1,)),
    case("Pad", 18, real(2, 3), ints(1, 2), None, ints(-1), constant=(1, 3)),
    case("Pad", 19, real(2, 3), ints(1, 1, 0, 2), mode="wrap", constant=(1,)),
    case("Pad", 13, real(2, 3), ints(0, 0, 0, 0), constant=(1,)),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
