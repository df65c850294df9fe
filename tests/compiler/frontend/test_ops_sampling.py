"""Sampling, regions, columns and determinants: nodes against ONNX Runtime, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import ModelError, UnsupportedError

from .nodes import Case, case, check, expanded, ints, label, real

F32 = np.float32
IMAGE, GRID = real(2, 3, 4, 5), real(2, 2, 3, 2, low=-1.2, high=1.2)
ROIS = np.array([[0.6, 1.2, 4.7, 3.1], [2.2, 0.4, 6.9, 5.8]], F32)
REGIONS = np.array([[0, 0.6, 1.2, 4.7, 3.1], [1, 2.2, 0.4, 6.9, 5.8]], F32)

NODES = [
    case("GridSample", 16, IMAGE, GRID, mode="bicubic"),
    case("GridSample", (20, 22), IMAGE, GRID, mode="nearest", padding_mode="reflection"),
    case("GridSample", 20, real(1, 2, 3, 4, 5), real(1, 2, 2, 2, 3, low=-1.2, high=1.2), align_corners=1),
    case("AffineGrid", 20, real(2, 2, 3), ints(2, 1, 3, 4), constant=(1,)),
    case("AffineGrid", 20, real(2, 3, 4), ints(2, 1, 3, 4, 2), align_corners=1, constant=(1,)),
    *[
        case(
            "RoiAlign", opset, real(2, 2, 6, 7), ROIS, ints(1, 0), output_height=2, output_width=3, mode=mode
        )
        for opset in (10, 16)
        for mode in ("avg", "max")
    ],
    case("MaxRoiPool", 7, real(2, 2, 8, 8), REGIONS, pooled_shape=[2, 3], spatial_scale=0.7),
    case("Col2Im", 18, real(2, 8, 12), ints(4, 5), ints(2, 2), constant=(1, 2)),
    case("Col2Im", 18, real(2, 8, 12), ints(4, 5), ints(2, 2)),
    case("Col2Im", 18, real(1, 9, 4), ints(5, 5), ints(3, 3), strides=[2, 2], constant=(1, 2)),
    case("Det", 11, real(2, 3, 5, 5), tolerance=1e-4),
    case("Det", 11, real(1, 1)),
    case(
        "DeformConv",
        19,
        real(2, 4, 6, 7),
        real(4, 2, 3, 3),
        real(2, 36, 4, 5),
        real(4),
        real(2, 18, 4, 5),
        group=2,
        offset_group=2,
    ),
]


@pytest.mark.parametrize(("given", "opset"), expanded(NODES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


@pytest.mark.parametrize(
    ("given", "opset", "error", "message"),
    [
        (case("AffineGrid", 20, real(2, 2, 3), ints(2, 1, 3), constant=(1,)), 20, ModelError, "4 or 5"),
        (case("Det", 11, real(65, 65)), 11, UnsupportedError, "at most 64"),
        (
            case("DeformConv", 19, real(1, 4, 6), real(4, 4, 3), real(1, 3, 4)),
            19,
            UnsupportedError,
            "two spatial",
        ),
    ],
)
def test_what_is_not_taken(given: Case, opset: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        import_model(given.model(opset).SerializeToString())
