"""Ops of ONNX Runtime's quantizer that are not elementwise, against itself."""

from __future__ import annotations

import numpy as np
import pytest

from ..nodes import Array, Case, check, expanded, label, whole
from ..own import microsoft

U8, I8, F32, I32 = np.uint8, np.int8, np.float32, np.int32


def stored(*shape: int, scale: float = 0.5, zero: int = 3) -> tuple[Array, Array, Array]:
    return whole(*shape, dtype=U8, low=0, high=200), *scaled(scale, zero)


def scaled(scale: float, zero: int) -> tuple[Array, Array]:
    return np.array(scale, F32), np.array(zero, U8)


BIAS = whole(5, dtype=I32, low=-99, high=99)
SIGNED = whole(4, 5, dtype=I8), np.linspace(0.1, 0.3, 5, dtype=F32), np.zeros(5, I8)
CONDITION = np.array([[True], [False]])

CASES = [
    microsoft("QGemm", *stored(3, 4), *stored(4, 5)),
    microsoft("QGemm", *stored(3, 4), *stored(4, 5, zero=0), BIAS, np.array(37, F32)),
    microsoft("QGemm", *stored(3, 4), *SIGNED, BIAS, alpha=0.5),
    microsoft("QGemm", *stored(3, 4), *stored(4, 5), BIAS, *scaled(150.3, 7), steps=1),
    microsoft("QGemm", *stored(3, 4), *SIGNED, whole(1, dtype=I32, low=-99, high=99), *scaled(30.3, 7)),
    microsoft("QGemm", *stored(3, 4), *SIGNED, whole(3, 1, dtype=I32, low=-99, high=99), *scaled(30.3, 7)),
    microsoft("QGemm", *stored(3, 4), *SIGNED, np.array(9, I32), alpha=0.5),
    # Every step counts: the reciprocals of the output scales are no whole numbers.
    microsoft("QLinearSoftmax", *stored(5, 2, scale=2.0), *scaled(1 / 255, 0), axis=0, opset=13),
    microsoft("QLinearSoftmax", *stored(5, 6, scale=0.03), *scaled(0.003, 9), axis=1, opset=13),
    microsoft("QLinearSoftmax", *stored(5, 6, scale=0.03), *scaled(1 / 256, 0), axis=1, opset=12),
    # By the standard it would have an element less along the first axis.
    microsoft(
        *("QLinearAveragePool", *stored(1, 2, 4, 7), *scaled(0.4, 3)),
        **{"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "VALID", "ceil_mode": 1},
    ),
    microsoft("QLinearWhere", CONDITION, *stored(2, 3), *stored(1, 3, scale=0.8), *scaled(0.7, 9), steps=1),
    microsoft(
        "QLinearConv",
        *stored(1, 4, 6, 7),
        whole(6, 4, 3, 3, dtype=I8),
        np.linspace(0.1, 0.3, 6, dtype=F32),
        np.zeros(6, I8),
        *scaled(33.3, 9),
        steps=1,
    ),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_quantized(given: Case, opset: int) -> None:
    check(given, opset)
