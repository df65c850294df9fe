"""Convolutions and products mean what ONNX Runtime computes."""

from __future__ import annotations

import pytest

from .nodes import Case, case, check, expanded, label, real

CASES = [
    case("Conv", (7, 11, 22), real(2, 4, 7, 8), real(6, 4, 3, 3), real(6), pads=[1, 1, 1, 1]),
    case("Conv", 11, real(1, 4, 9), real(4, 2, 3), group=2, strides=[2], dilations=[2], pads=[1, 2]),
    case("Conv", 11, real(1, 2, 4, 5, 6), real(3, 2, 2, 2, 2)),
    *[
        case("Conv", 11, real(1, 2, 7, 8), real(3, 2, 3, 2), auto_pad=how, strides=[2, 3])
        for how in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ],
    case("Conv", 11, real(1, 2, 7, 8), real(3, 2, 3, 3), kernel_shape=[3, 3], dilations=[2, 1]),
    case(
        "ConvTranspose",
        (7, 11),
        real(1, 3, 4, 5),
        real(3, 2, 3, 3),
        real(2),
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    ),
    case("ConvTranspose", 11, real(1, 4, 5), real(4, 2, 3), strides=[2], output_padding=[1], group=2),
    case("ConvTranspose", 11, real(1, 2, 4, 4), real(2, 2, 3, 3), strides=[2, 2], output_shape=[8, 8]),
    case("ConvTranspose", 11, real(1, 2, 4, 4), real(2, 2, 3, 3), strides=[2, 2], output_shape=[10, 9]),
    *[
        case("ConvTranspose", 11, real(1, 2, 4, 4), real(2, 2, 4, 3), strides=[2, 2], auto_pad=how)
        for how in ("SAME_UPPER", "SAME_LOWER")
    ],
    case("MatMul", (7, 9, 13), real(2, 3, 4), real(4, 5)),
    case("MatMul", 13, real(4), real(2, 4, 5)),
    case("MatMul", 13, real(2, 3, 4), real(4)),
    case("MatMul", 13, real(4), real(4)),
    case("Gemm", (7, 9, 11, 13), real(3, 4), real(4, 5), real(5)),
    case("Gemm", 13, real(4, 3), real(5, 4), real(3, 1), alpha=0.5, beta=2.0, transA=1, transB=1),
    case("Gemm", 13, real(3, 4), real(4, 5)),
    case("Gemm", 13, real(3, 4), real(4, 5), real(5), beta=0.0),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
