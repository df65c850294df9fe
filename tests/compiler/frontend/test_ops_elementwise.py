"""Elementwise nodes of one operand mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from .nodes import Case, case, check, expanded, label, real, scalar, whole

POSITIVE = {"low": 0.1, "high": 3.0}
UNIT = {"low": -0.9, "high": 0.9}
F16 = np.float16

CASES = [
    *[
        case(op, (7, 13, 21), real(3, 4))
        for op in ("Abs", "Neg", "Floor", "Ceil", "Exp", "Sigmoid", "Tanh", "Relu")
    ],
    *[case(op, (7, 13), real(3, 4, **POSITIVE)) for op in ("Sqrt", "Log", "Reciprocal")],
    *[case(op, (7, 22), real(5)) for op in ("Sin", "Cos", "Tan", "Atan")],
    *[case(op, 9, real(5)) for op in ("Sinh", "Cosh", "Asinh", "Erf", "Sign")],
    *[case(op, (7, 22), real(5, **UNIT)) for op in ("Asin", "Acos")],
    case("Atanh", 9, real(5, **UNIT)),
    case("Acosh", 9, real(5, low=1.1, high=4)),
    case("Round", (11, 22), np.array([0.5, 1.5, 2.5, -0.5, -1.5, 1.2], np.float32)),
    case("Not", 7, np.array([True, False])),
    case("BitwiseNot", 18, whole(4, dtype=np.int32)),
    case("IsNaN", (9, 13), np.array([np.nan, 1, np.inf], np.float32)),
    case("IsInf", 10, np.array([np.inf, -np.inf, 1], np.float32)),
    case("IsInf", 10, np.array([np.inf, -np.inf, 1], np.float32), detect_negative=0),
    case("IsInf", 10, np.array([np.inf, -np.inf, 1], np.float32), detect_positive=0),
    case("HardSwish", 14, real(20, low=-5, high=5)),
    case("Mish", 18, real(6)),
    *[case(op, (7, 22), real(6)) for op in ("Softplus", "Softsign", "Elu", "Selu", "HardSigmoid")],
    case("Elu", 7, real(6), alpha=0.5),
    case("Selu", 7, real(6), alpha=1.2, gamma=0.9),
    case("Celu", 12, real(6), alpha=0.7),
    case("HardSigmoid", 7, real(6), alpha=0.5, beta=0.6),
    case("LeakyRelu", (7, 16), real(6)),
    case("LeakyRelu", 16, real(6), alpha=0.3),
    case("ThresholdedRelu", 10, real(6), alpha=0.4),
    case("Shrink", 9, real(6), lambd=0.7, bias=0.2),
    case("Gelu", 20, real(6)),
    case("Gelu", 20, real(6), approximate="tanh"),
    case("Relu", 14, real(6, dtype=F16)),
    case("Cast", (7, 13, 21), real(6, low=-9, high=9), to=TensorProto.INT32),
    case("Cast", (9, 13), whole(6), to=TensorProto.FLOAT),
    case("Cast", 13, real(6), to=TensorProto.FLOAT16),
    case("Cast", 13, np.array([0, 1, -3], np.float32), to=TensorProto.BOOL),
    case("Cast", 13, real(3), to=TensorProto.FLOAT),
    case("CastLike", (15, 19), real(6), whole(1, dtype=np.int32)),
    case("Clip", 7, real(9), min=-0.5, max=0.5),
    case("Clip", 7, real(9)),
    case("Clip", 7, real(9), min=0.0),
    case("Clip", (11, 13), real(9), scalar(-0.5, np.float32), scalar(0.7, np.float32)),
    case("Clip", 12, real(9), None, scalar(0.5, np.float32), constant=(2,)),
    case("Clip", 12, whole(9), scalar(-2), None),
    case("Clip", 13, real(9)),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
