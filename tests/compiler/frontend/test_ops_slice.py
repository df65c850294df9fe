"""Slice and Split mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, ints, label, real

INT_MAX = np.iinfo(np.int64).max

CASES = [
    case("Slice", (7, 9), real(4, 5), starts=[1, -3], ends=[3, INT_MAX], axes=[0, 1]),
    case("Slice", 9, real(4, 5), starts=[1], ends=[100]),
    case(
        "Slice", (10, 13), real(4, 5), ints(1, 0), ints(4, 4), ints(0, 1), ints(2, 3), constant=(1, 2, 3, 4)
    ),
    case("Slice", 13, real(4, 5), ints(-1), ints(-INT_MAX), ints(1), ints(-2), constant=(1, 2, 3, 4)),
    case("Slice", 13, real(4, 5), ints(3), ints(1), constant=(1, 2)),
    case("Slice", 13, real(6), ints(100), ints(-100), ints(0), ints(-1), constant=(1, 2, 3, 4)),
    case("Split", (7, 11), real(6, 2), outputs=3),
    case("Split", (7, 11), real(6, 2), axis=0, split=[1, 2, 3], outputs=3),
    case("Split", 13, real(2, 6), ints(1, 5), axis=-1, outputs=2, constant=(1,)),
    case("Split", 13, real(6, 2), outputs=2),
    case("Split", 18, real(7, 2), num_outputs=3, outputs=3),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
