"""Nodes that reshape, move, slice, pad, resize and gather mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, ints, label, real, scalar, whole

F32 = np.float32
INT_MAX = np.iinfo(np.int64).max

RESHAPES = [
    case("Reshape", (7, 13, 14, 21), real(2, 3, 4), ints(4, -1), constant=(1,)),
    case("Reshape", 7, real(2, 3, 4), ints(0, -1), constant=(1,)),
    case("Reshape", 14, real(2, 3, 4), ints(0, 4, 3), constant=(1,)),
    case("Flatten", (9, 13), real(2, 3, 4)),
    case("Flatten", 11, real(2, 3, 4), axis=0),
    case("Flatten", 11, real(2, 3, 4), axis=-1),
    case("Squeeze", (7, 11), real(1, 3, 1), axes=[0]),
    case("Squeeze", (7, 11), real(1, 3, 1)),
    case("Squeeze", 13, real(1, 3, 1), ints(-1), constant=(1,)),
    case("Squeeze", 13, real(1, 3, 1)),
    case("Unsqueeze", (7, 11), real(3, 2), axes=[0, 2]),
    case("Unsqueeze", 13, real(3, 2), ints(-1, 0), constant=(1,)),
    case("Expand", (8, 13), real(3, 1), ints(2, 1, 4), constant=(1,)),
    case("Transpose", (7, 13), real(2, 3, 4)),
    case("Transpose", 13, real(2, 3, 4), perm=[1, 2, 0]),
    case("Shape", (7, 13), real(2, 3, 4)),
    case("Shape", 15, real(2, 3, 4), start=1, end=-1),
    case("Shape", 15, real(2, 3, 4), start=-2),
    case("Size", (7, 13), real(2, 3, 4)),
    case("Dropout", (7, 10), real(2, 3)),
    case("Dropout", (12, 13), real(2, 3), outputs=2),
    case("Concat", (7, 13), real(2, 1), real(2, 3), real(2, 2), axis=1),
    case("Concat", 11, real(2, 2), real(1, 2), axis=-2),
    case("Tile", (7, 13), real(2, 3), ints(2, 1), constant=(1,)),
    case("DepthToSpace", (7, 11, 13), real(1, 8, 2, 3), blocksize=2),
    case("DepthToSpace", (11, 13), real(1, 8, 2, 3), blocksize=2, mode="CRD"),
    case("SpaceToDepth", (7, 13), real(1, 2, 4, 6), blocksize=2),
    case("Trilu", 14, real(3, 4)),
    case("Trilu", 14, real(3, 4), scalar(1), upper=0, constant=(1,)),
]

SLICES = [
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

PADS = [
    case("Pad", 7, real(2, 3), pads=[1, 0, 0, 2], value=0.5),
    case("Pad", 7, real(3, 4), pads=[1, 2, 1, 1], mode="reflect"),
    case("Pad", (11, 13), real(2, 3), ints(0, 1, 2, 0), constant=(1,)),
    case("Pad", 13, real(2, 3), ints(0, 1, 2, 0), scalar(1.5, F32), constant=(1,)),
    case("Pad", 13, real(2, 3), ints(0, 1, 1, 0), mode="edge", constant=(1,)),
    case("Pad", 13, real(4, 5), ints(0, -1, -2, 1), constant=(1,)),
    case("Pad", 18, real(2, 3), ints(1, 2), None, ints(-1), constant=(1, 3)),
    case("Pad", 19, real(2, 3), ints(1, 1, 0, 2), mode="wrap", constant=(1,)),
    case("Pad", 13, real(2, 3), ints(0, 0, 0, 0), constant=(1,)),
]

ROI = np.array([0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9], F32)
X2 = np.array([1, 1, 2, 2], F32)
UNEVEN = np.array([1, 1, 0.6, 1.5], F32)
NONE = np.array([], F32)

RESIZES = [
    case("Upsample", 7, real(1, 2, 3, 3), scales=[1.0, 1.0, 2.0, 3.0]),
    case("Upsample", 9, real(1, 2, 3, 3), X2, mode="linear", constant=(1,)),
    case("Resize", 10, real(1, 2, 3, 3), X2, constant=(1,)),
    case("Resize", 10, real(1, 1, 6, 6), np.array([1, 1, 0.5, 0.5], F32), constant=(1,)),
    *[
        case("Resize", (11, 13, 18, 19), real(1, 2, 4, 5), NONE, UNEVEN, mode=mode, constant=(1, 2))
        for mode in ("nearest", "linear", "cubic")
    ],
    case("Resize", 13, real(1, 2, 4, 5), None, None, ints(1, 2, 7, 3), mode="linear", constant=(3,)),
    *[
        case(
            "Resize",
            13,
            real(1, 1, 4, 4),
            None,
            X2,
            mode="linear",
            coordinate_transformation_mode=how,
            constant=(2,),
        )
        for how in ("align_corners", "asymmetric", "pytorch_half_pixel")
    ],
    *[
        case(
            "Resize",
            13,
            real(1, 1, 4, 4),
            None,
            X2,
            coordinate_transformation_mode="asymmetric",
            nearest_mode=how,
            constant=(2,),
        )
        for how in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
    ],
    case(
        "Resize",
        13,
        real(1, 1, 4, 4),
        ROI,
        None,
        ints(1, 1, 3, 3),
        mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
        constant=(1, 3),
    ),
    case("Resize", 18, real(1, 2, 4, 5), None, np.array([2, 3], F32), axes=[2, 3], constant=(2,)),
    case(
        "Resize",
        18,
        real(1, 2, 4, 5),
        None,
        None,
        ints(8, 9),
        axes=[3, 2],
        keep_aspect_ratio_policy="not_larger",
        constant=(3,),
    ),
    case(
        "Resize",
        18,
        real(1, 2, 4, 5),
        None,
        None,
        ints(7, 9),
        axes=[2, 3],
        keep_aspect_ratio_policy="not_smaller",
        constant=(3,),
    ),
]

INDEXING = [
    case("Gather", (7, 11, 13), real(4, 3), whole(2, 2, low=0, high=4)),
    case("Gather", 13, real(4, 3), whole(2, low=-3, high=3), axis=1),
    case("GatherElements", (11, 13), real(3, 4), whole(2, 4, low=0, high=3)),
    case("GatherElements", 13, real(3, 4), whole(3, 2, low=-4, high=4), axis=1),
    case("GatherND", (11, 13), real(3, 4, 2), whole(5, 2, low=0, high=3)),
    case("GatherND", 12, real(3, 4, 2), whole(3, 1, low=0, high=4), batch_dims=1),
    case("OneHot", (9, 11), whole(5, low=0, high=6), scalar(6), np.array([0, 1], F32), constant=(1,)),
    case("OneHot", 11, whole(2, 3, low=-4, high=4), ints(4), np.array([2, 5], F32), axis=1, constant=(1,)),
    case("EyeLike", (9, 22), real(3, 4)),
    case("EyeLike", 9, real(3, 4), k=1, dtype=7),
    case("Range", 11, scalar(2), scalar(11), scalar(3), constant=(0, 1, 2)),
    case("Range", 11, scalar(5), scalar(-4), scalar(-2), constant=(0, 1, 2)),
    case("Range", 11, scalar(0.5, F32), scalar(3.1, F32), scalar(0.7, F32), constant=(0, 1, 2)),
    case("ConstantOfShape", (9, 21), ints(2, 3), constant=(0,)),
]


@pytest.mark.parametrize(
    ("given", "opset"), expanded([*RESHAPES, *SLICES, *PADS, *RESIZES, *INDEXING]), ids=label
)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
