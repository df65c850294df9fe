"""Nodes that move and gather mean what ONNX Runtime computes."""

from __future__ import annotations

import pytest

from .nodes import Case, case, check, expanded, ints, label, real, scalar, whole

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
