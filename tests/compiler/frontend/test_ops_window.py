"""Pools mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, label, real, whole

CASES = [
    *[
        case(op, (7, 10, 11), real(1, 2, 7, 8), kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
        for op in ("MaxPool", "AveragePool")
    ],
    case("MaxPool", 12, real(1, 2, 7, 8), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    case("MaxPool", 12, real(1, 2, 9), kernel_shape=[3], dilations=[2]),
    case("MaxPool", (8, 12), real(2, 2, 6, 6), kernel_shape=[2, 2], strides=[2, 2], outputs=2),
    case("MaxPool", 12, whole(1, 1, 5, 5, dtype=np.int8), kernel_shape=[2, 2]),
    *[
        case(op, 11, real(1, 2, 7, 8), kernel_shape=[3, 3], strides=[2, 3], auto_pad=how)
        for op in ("MaxPool", "AveragePool")
        for how in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ],
    case("AveragePool", 11, real(1, 2, 7, 8), kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    case("AveragePool", 19, real(1, 2, 8, 8), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    case("LpPool", (11, 18), real(1, 2, 6, 6), kernel_shape=[2, 2], p=3),
    *[case(op, 7, real(2, 3, 4, 5)) for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")],
    case("GlobalLpPool", 7, real(2, 3, 4), p=3),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
