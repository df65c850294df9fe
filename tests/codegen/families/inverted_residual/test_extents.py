"""The sizes of inverted residuals."""

from __future__ import annotations

from glassrt.codegen.families.inverted_residual.extents import InvertedConfig, WindowSide

from .sizes import EXTENTS


def test_neighbouring_outputs_share_pixels() -> None:
    assert [WindowSide(7, 14, 3, 2, 1).reads(count) for count in (1, 2, 7)] == [3, 5, 15]


def test_tiles_cover_the_image() -> None:
    assert EXTENTS.tiles(8, 8) == 49 and EXTENTS.tiles(14, 14) == 16 and EXTENTS.tiles(60, 60) == 1


def test_words_and_warps() -> None:
    assert EXTENTS.lanes == 2 and EXTENTS.taps == 9
    config = InvertedConfig(7, 14, 48, 256, 7, 2, 1)
    assert (config.outputs, config.warps) == (98, 8)
