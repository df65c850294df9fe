"""Resizes mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from .nodes import Case, case, check, expanded, ints, label, real

F32 = np.float32
ROI = np.array([0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9], F32)
X2 = np.array([1, 1, 2, 2], F32)
UNEVEN = np.array([1, 1, 0.6, 1.5], F32)
NONE = np.array([], F32)

CASES = [
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


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)
