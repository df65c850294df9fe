"""Shapes and extents as `inspect` shows them."""

from __future__ import annotations

from glassrt.compiler.report.inspection_tables import _extent, expression


def test_expressions_of_the_manifest_are_infix() -> None:
    assert expression(["+", ["*", "N", 2], 1]) == "((N * 2) + 1)"
    assert expression(["floordiv", "h", 2]) == "floordiv(h, 2)" and expression(7) == "7"


def test_extents_have_no_trailing_ones() -> None:
    assert [_extent(sizes) for sizes in ([256, 1, 1], [1, 1, 1], [2, 1, 3])] == ["256", "1", "2x1x3"]
