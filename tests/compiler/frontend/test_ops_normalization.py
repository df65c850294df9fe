"""Normalisations mean what ONNX Runtime computes."""

from __future__ import annotations

import pytest

from .nodes import Case, case, check, expanded, label, real

CASES = [
    *[case(op, (7, 11, 13), real(2, 3, 4)) for op in ("Softmax", "LogSoftmax")],
    case("Softmax", (7, 11, 13), real(2, 3, 4), axis=0),
    case("Softmax", (7, 13), real(2, 3, 1, 1), axis=1),
    case("Softmax", (11, 13), real(2, 3, 4), axis=-1),
    case(
        "BatchNormalization",
        (7, 9, 14, 15),
        real(2, 3, 4, 5),
        real(3),
        real(3),
        real(3),
        real(3, low=0.1),
        epsilon=0.01,
    ),
    case("BatchNormalization", 15, real(4, 3), real(3), real(3), real(3), real(3, low=0.1)),
    case("InstanceNormalization", (7, 22), real(2, 3, 4, 5), real(3), real(3)),
    case("LRN", (7, 13), real(2, 7, 3, 3), size=5, alpha=0.1, beta=0.6, bias=1.5),
    case("LayerNormalization", 17, real(2, 3, 4), real(4), real(4)),
    case("LayerNormalization", 17, real(2, 3, 4), real(3, 4), axis=1, outputs=3),
    case("LpNormalization", (7, 22), real(2, 3, 4), axis=1),
    case("LpNormalization", 7, real(2, 3, 4), p=1),
    case("GroupNormalization", 18, real(2, 6, 4, 5), real(3), real(3), num_groups=3),
    case("GroupNormalization", 21, real(2, 6, 4, 5), real(6), real(6), num_groups=3),
    case("RMSNormalization", 23, real(2, 3, 4), real(4)),
    case("MeanVarianceNormalization", (9, 13), real(2, 3, 4, 5)),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
