"""Contractions, pools, reductions and normalisations mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, ints, label, real, scalar, whole

CONTRACTIONS = [
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

POOLS = [
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

NAMES = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
POSITIVE = real(2, 3, 4, low=0.5, high=2)

REDUCTIONS = [
    *[case(f"Reduce{name}", (7, 11), POSITIVE, axes=[0, -1], keepdims=0) for name in NAMES],
    *[case(f"Reduce{name}", 11, POSITIVE) for name in NAMES],
    *[case(f"Reduce{name}", 18, POSITIVE, ints(1), constant=(1,)) for name in NAMES],
    *[case(f"Reduce{name}", 18, POSITIVE, keepdims=0) for name in NAMES],
    *[case(f"Reduce{name}", 18, POSITIVE, noop_with_empty_axes=1) for name in ("Max", "Sum")],
    case("ReduceSum", 13, POSITIVE, ints(0, 2), constant=(1,)),
    case("ReduceSum", 13, whole(3, 4)),
    case("ReduceMax", 20, np.array([[True, False], [False, False]]), ints(1), constant=(1,)),
    case("ReduceMin", 20, np.array([[True, False], [True, True]]), ints(1), constant=(1,)),
    case("ReduceLogSumExp", 13, np.array([[-np.inf, -np.inf], [500, 501]], np.float32), axes=[1]),
    *[case(op, (7, 11, 13), real(3, 4), axis=1) for op in ("ArgMax", "ArgMin")],
    case("ArgMax", 12, whole(3, 4, low=0, high=2), axis=-1, keepdims=0, select_last_index=1),
    case("CumSum", (11, 14), real(3, 4), scalar(1), constant=(1,)),
    case("CumSum", 14, real(3, 4), scalar(-2), exclusive=1, reverse=1, constant=(1,)),
]

NORMALISATIONS = [
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


@pytest.mark.parametrize(
    ("given", "opset"), expanded([*CONTRACTIONS, *POOLS, *REDUCTIONS, *NORMALISATIONS]), ids=label
)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
