"""Nodes that move, slice, pad and gather mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, ints, label, real, scalar, whole

F32 = np.float32
INT_MAX = np.iinfo(np.int64).max

CASES = [
    case("Transpose", (7, 13), real(2, 3, 4)),
    case("Transpose", 13, real(2, 3, 4), perm=[1, 2, 0]),
    case("Concat", (7, 13), real(2, 1), real(2, 3), real(2, 2), axis=1),
    case("Concat", 11, real(2, 2), real(1, 2), axis=-2),
    case("Tile", (7, 13), real(2, 3), ints(2, 1), constant=(1,)),
    case("DepthToSpace", (7, 11, 13), real(1, 8, 2, 3), blocksize=2),
    case("DepthToSpace", (11, 13), real(1, 8, 2, 3), blocksize=2, mode="CRD"),
    case("SpaceToDepth", (7, 13), real(1, 2, 4, 6), blocksize=2),
    case("Trilu", 14, real(3, 4)),
    case("Trilu", 14, real(3, 4), scalar(1), upper=0, constant=(1,)),
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
    case("Pad", 7, real(2, 3), pads=[1, 0, 0, 2], value=0.5),
    case("Pad", 7, real(3, 4), pads=[1, 2, 1, 1], mode="reflect"),
    case("Pad", (11, 13), real(2, 3), ints(0, 1, 2, 0), constant=(1,)),
    case("Pad", 13, real(2, 3), ints(0, 1, 2, 0), scalar(1.5, F32), constant=(1,)),
    case("Pad", 13, real(2, 3), ints(0, 1, 1, 0), mode="edge", constant=(1,)),
    case("Pad", 13, real(4, 5), ints(0, -1, -2, 1), constant=(1,)),
    case("Pad", 18, real(2, 3), ints(1, 2), None, ints(-1), constant=(1, 3)),
    case("Pad", 19, real(2, 3), ints(1, 1, 0, 2), mode="wrap", constant=(1,)),
    case("Pad", 13, real(2, 3), ints(0, 0, 0, 0), constant=(1,)),
    case("Gather", (7, 11, 13), real(4, 3), whole(2, 2, low=0, high=4)),
    case("Gather", 13, real(4, 3), whole(2, low=-3, high=3), axis=1),
    case("GatherElements", (11, 13), real(3, 4), whole(2, 4, low=0, high=3)),
    case("GatherElements", 13, real(3, 4), whole(3, 2, low=-4, high=4), axis=1),
    case("GatherND", (11, 13), real(3, 4, 2), whole(5, 2, low=0, high=3)),
    case("GatherND", 12, real(3, 4, 2), whole(3, 1, low=0, high=4), batch_dims=1),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
