"""Nodes that make numbers mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, ints, label, real, scalar, whole

F32 = np.float32

CASES = [
    case("OneHot", (9, 11), whole(5, low=0, high=6), scalar(6), np.array([0, 1], F32), constant=(1,)),
    case("OneHot", 11, whole(2, 3, low=-4, high=4), ints(4), np.array([2, 5], F32), axis=1, constant=(1,)),
    case("EyeLike", (9, 22), real(3, 4)),
    case("EyeLike", 9, real(3, 4), k=1, dtype=7),
    case("Range", 11, scalar(2), scalar(11), scalar(3), constant=(0, 1, 2)),
    case("Range", 11, scalar(5), scalar(-4), scalar(-2), constant=(0, 1, 2)),
    case("Range", 11, scalar(0.5, F32), scalar(3.1, F32), scalar(0.7, F32), constant=(0, 1, 2)),
    case("ConstantOfShape", (9, 21), ints(2, 3), constant=(0,)),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
