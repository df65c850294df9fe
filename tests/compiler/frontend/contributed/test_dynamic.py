"""Products of quantized matrices with a float result, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from ..nodes import Array, Case, check, expanded, label, real, whole
from ..own import microsoft

U8, I8, F32 = np.uint8, np.int8, np.float32
A, B = whole(2, 3, 4, dtype=U8, low=0, high=200), whole(4, 5, dtype=I8)
SCALES = np.linspace(0.1, 0.3, 5, dtype=F32)


def one(value: float, dtype: type = F32) -> Array:
    return np.array(value, dtype)


CASES = [
    microsoft("MatMulIntegerToFloat", A, B, one(0.5), one(0.1)),
    microsoft("MatMulIntegerToFloat", A, B, one(0.5), one(0.1), one(7, U8), one(-3, I8), real(5)),
    microsoft("MatMulIntegerToFloat", A, B, one(0.5), SCALES, one(7, U8), np.arange(5, dtype=I8)),
    microsoft("DynamicQuantizeMatMul", real(2, 3, 4), B, one(0.1)),
    microsoft("DynamicQuantizeMatMul", real(3, 4), B, SCALES, np.arange(5, dtype=I8), real(5)),
    microsoft("DynamicQuantizeMatMul", real(3, 4), B.astype(U8), one(0.1), one(120, U8)),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_products(given: Case, opset: int) -> None:
    check(given, opset)
