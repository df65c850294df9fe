"""Lines of windows in chunks of 16 bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from glassrt.codegen.families.contraction.axes import Window
from glassrt.codegen.families.few_channels.window import LineOfTaps, line_of_taps


def line(
    taps: int, stride: int, pad: int, channels: int, bytes_: int = 2, dilation: int = 1
) -> LineOfTaps | None:
    return line_of_taps(Window(taps, stride, dilation, pad, 0, True), channels, bytes_)


def test_a_stem_has_two_pixels_of_four_channels_in_a_chunk() -> None:
    found = line(7, 2, 3, 3)
    assert found == LineOfTaps(taps=7, dilation=1, lead=1, channels=4, pixels=2, chunks=4, step=1)
    assert [found.tap(pixel) for pixel in range(8)] == [None, 0, 1, 2, 3, 4, 5, 6] and found.skips


def test_every_second_output_of_a_stem_of_bytes_has_a_copy_of_its_own() -> None:
    found = line(7, 2, 3, 3, 1)
    assert found == LineOfTaps(taps=7, dilation=1, lead=1, channels=4, pixels=4, chunks=2, step=1, phases=2)
    assert found.unit == 2
    floats, far = line(7, 2, 3, 3), line(4, 4, 0, 3, 1)
    assert floats is not None and far is not None and floats.phases == far.phases == 1


@pytest.mark.parametrize(
    ("asked", "channels", "step"),
    [
        ((3, 1, 1, 3), 8, 1),
        ((3, 2, 1, 1), 4, 1),
        ((4, 4, 0, 3), 4, 2),
        ((3, 2, 1, 3, 1), 8, 1),
        ((3, 1, 1, 3, 1), 8, 1),
        ((3, 3, 0, 3), 8, 3),
    ],
)
def test_channels_are_filled_until_neighbours_begin_at_chunks(
    asked: tuple[int, ...], channels: int, step: int
) -> None:
    found = line(*asked)
    assert found is not None and (found.channels, found.step) == (channels, step)


def test_neighbours_that_lie_far_apart_have_no_line() -> None:
    assert line(16, 16, 0, 3) is None


def test_every_tap_has_its_pixel() -> None:
    for taps, stride, pad, dilation in ((3, 2, 1, 2), (5, 1, 2, 1), (2, 2, 1, 3), (7, 4, 3, 1)):
        found = line(taps, stride, pad, 2, dilation=dilation)
        assert found is not None
        pixels = [pixel for pixel in range(found.chunks * found.pixels) if found.tap(pixel) is not None]
        assert [found.tap(pixel) for pixel in pixels] == list(range(taps))
        assert {b - a for a, b in pairwise(pixels)} <= {dilation}
        assert (pixels[0] + pad) % found.unit == 0
