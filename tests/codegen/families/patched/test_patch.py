"""Convolutions over patches as kernels see them, and which ones these are."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32, I8

from .convolutions import Case, convolution_of, request_of


def found(case: Case) -> object:
    return convolution_of(request_of(case))[1]


def test_sizes_of_a_convolution() -> None:
    case = Case((2, 72, 9, 11), 24, taps=(3, 5), pads=(1, 2, 0, 1), dilations=(2, 1), residual=True)
    made = found(case)
    assert not isinstance(made, str), made
    own = made.extents  # type: ignore[attr-defined]
    assert (own.images, own.height, own.width, own.n) == (2, 6, 10, 24)
    assert (own.taps, own.dilations, own.before, own.spans) == ((3, 5), (2, 1), (1, 2), (4, 4))
    assert (own.line, own.lines, own.last_steps) == (128, 2, 1) and own.residual
    image = made.a.map(3, 12, 12)  # type: ignore[attr-defined]
    assert image.dims == (72, 11, 9, 2) and image.strides == (144, 11 * 144, 99 * 144)
    assert image.traversal.box == (64, 12, 12, 1)
    result = made.results.result  # type: ignore[attr-defined]
    assert result.dims == (24, 10, 6, 2) and result.strides == (48, 480, 2880) and result.rows == (8, 8, 1)


def test_the_number_of_images_may_be_known_at_run_time_only() -> None:
    made = found(Case((symbol("N"), 64, 9, 9), 64, I8))
    assert not isinstance(made, str), made


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case((2, 64, 9, 9), 64, taps=(1, 1), pads=(0, 0, 0, 0)), "a single tap"),
        (Case((2, 64, 9, 9), 64, groups=2), "groups"),
        (Case((2, 64, 9, 9), 64, strides=(2, 1)), "pixel by pixel"),
        (Case((2, 12, 9, 9), 64), "16 bytes"),
        (Case((2, 64, 9, 9), 36, I8), "leave in bulk"),
        (Case((2, 64, 9, 9), 64, F32), "rounded"),
    ],
    ids=["tap", "groups", "stride", "channels", "result", "f32"],
)
def test_what_it_is_not(case: Case, reason: str) -> None:
    assert reason in str(found(case))
