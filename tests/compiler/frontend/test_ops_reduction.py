"""Reductions, positions of extremes and running sums mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, ints, label, real, scalar, whole

NAMES = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
POSITIVE = real(2, 3, 4, low=0.5, high=2)

CASES = [
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


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
