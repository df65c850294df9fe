"""Strips of outputs: what a thread reads of an axis, what of it needs a predicate, how many there are."""

from __future__ import annotations

import itertools

import pytest
from glassrt.codegen.families.contraction.axes import RowAxis, Window
from glassrt.codegen.families.contraction.strips import StripConfig, Windows, span_spec, strips_spec
from glassrt.codegen.text.render import Identifier
from glassrt.dialects.core.affine import Dim, symbol

N = symbol("N")
NAMES = {"N": "s0"}


def axis(
    size: Dim, taps: int = 3, stride: int = 1, pad: int = 1, dilation: int = 1, label: str = "x"
) -> RowAxis:
    span = dilation * (taps - 1) + 1
    extent = (size + 2 * pad - span) // stride + 1 if isinstance(size, int) else size
    return RowAxis(extent, 1, Window(taps, stride, dilation, pad, size, pad > 0), label)


IMAGES = RowAxis(4, 900, None, "image")


@pytest.mark.parametrize("size", [4, 5, 9])
def test_positions_without_a_predicate_lie_inside_in_every_strip(size: int) -> None:
    """And each with one lies outside in some, so that no predicate is idle; or its mirror image does, where
    a thread has a single output."""
    for taps, stride, pad, dilation, outputs in itertools.product(
        (1, 2, 3), (1, 2, 3), (0, 1), (1, 2), (1, 2, 3)
    ):
        own = axis(size, taps, stride, pad, dilation)
        assert isinstance(own.extent, int)
        if own.extent < 1 or (outputs > 1 and dilation > 1):
            continue
        spec = span_spec(own, outputs, NAMES)
        starts = [first * stride - pad for first in range(0, own.extent, outputs)]
        outside = {
            at
            for at in range(spec.positions)
            if any(not 0 <= start + at * dilation < size for start in starts)
        }
        mirrored = {spec.positions - 1 - at for at in outside} if outputs == 1 else set()
        assert outside | mirrored == set(spec.edges)
        assert spec.ragged == (own.extent % outputs != 0)


def test_a_size_that_is_not_known_has_edges_everywhere() -> None:
    assert span_spec(axis(N), 2, NAMES).edges == (0, 1, 2, 3)
    assert span_spec(axis(N, pad=0), 1, NAMES).edges == ()
    assert span_spec(RowAxis(N, 8, None, "image"), 1, NAMES).edges == ()


@pytest.mark.parametrize(
    ("rows", "slides"),
    [
        ((IMAGES, axis(9, label="y"), axis(9)), True),
        ((IMAGES, axis(9, dilation=2, label="y"), axis(9)), False),
        ((IMAGES, axis(5, taps=2, label="z"), axis(9, label="y"), axis(9)), False),
        ((IMAGES, axis(5, taps=1, pad=0, label="z"), axis(9, label="y"), axis(9)), True),
        ((IMAGES, axis(9)), False),
        ((axis(9),), False),
    ],
)
def test_lines_are_shared_by_dense_windows_of_one_plane(rows: tuple[RowAxis, ...], slides: bool) -> None:
    windows = Windows(rows, 32, 0)
    assert windows.slides == slides
    several = StripConfig(4, 1, 2, 1, 16, 32)
    assert (windows.misfit(several) is None) == slides


def test_misfits() -> None:
    windows = Windows((IMAGES, axis(9, label="y"), axis(9, dilation=2)), 32, 0)
    assert windows.misfit(StripConfig(4, 1, 1, 1, 16, 32)) is None
    assert "dilated" in str(windows.misfit(StripConfig(4, 2, 1, 1, 16, 32)))
    for wrong in (StripConfig(4, 1, 1, 1, 18, 32), StripConfig(1, 1, 1, 1, 64, 32)):
        assert "evenly" in str(windows.misfit(wrong))


def test_every_strip_has_its_block() -> None:
    windows = Windows((IMAGES, axis(9, label="y"), axis(10)), 40, 0)
    config = StripConfig(vector=4, pixels=4, rows=2, ahead=1, channels=16, threads=30)
    assert config.strips == 7  # of four threads each; two threads have none
    assert windows.strips(config) == 4 * 5 * 3
    assert windows.blocks(config) == 9 * 3


def test_a_line_is_loaded_ahead_only_where_there_are_several() -> None:
    config = StripConfig(4, 1, 1, 2, 16, 32)
    one = strips_spec(Windows((IMAGES, axis(9)), 16, 0), config, NAMES, Identifier("x0"), ("int", "f16"))
    assert one.ahead == 0 and one.planes == "1"
    two = Windows((IMAGES, axis(9, taps=2, pad=0, label="y"), axis(9)), 20, 0)
    spec = strips_spec(two, config, NAMES, Identifier("x0"), ("int", "f16"))
    assert spec.ahead == 1 and spec.planes == "4"
