"""How deep the stages of persistent contractions are."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.persistent.depth import (
    block_k_of,
    line_of,
    multiplied_k,
    panels_of,
    steps_of_last,
    tiles_of_k,
)
from glassrt.dialects.core.affine import symbol

from ...contraction_cases import Case, conv, matmul


def test_tiles_along_k_are_those_of_each_tap() -> None:
    assert tiles_of_k(conv("f16", (2, 88, 9, 7), (72, 88, 3, 3), pad=1).problem) == 18
    size = symbol("K")
    symbolic = matmul("f16", (64, size * 8), (64, size * 8), transpose_b=True, sizes={"K": 9}).problem
    assert str(tiles_of_k(symbolic)) == "floordiv(K+7, 8)"


@pytest.mark.parametrize(
    ("case", "line", "panels", "tiles"),
    [
        (conv("i8", (2, 64, 9, 7), (64, 64, 3, 3), out="i8", pad=1), 64, 3, 3),
        (conv("i8", (2, 192, 9, 7), (64, 192, 2, 2), out="i8", pad=1), 128, 1, 8),
        (conv("i8", (2, 192, 9, 7), (64, 96, 2, 2), out="i8", pad=1, groups=2), 32, 3, 4),
        (conv("i8", (2, 64, 9, 7), (64, 64, 5, 5), out="i8", pad=2), 64, 1, 25),
        (conv("f16", (2, 32, 9, 8), (64, 32, 1, 1), stride=2), 64, 1, 1),
        (conv("f8e4m3", (2, 64, 9, 7), (64, 64, 3, 3), out="f32", pad=1), 64, 1, 9),  # promoted line by line
        (conv("i8", (2, 128, 9, 7), (64, 128, 3, 3), out="i8", pad=1), 128, 1, 9),
        (conv("i8", (2, 32, 9, 7), (64, 32, 3, 3), out="i8", pad=1), 32, 3, 3),
        (conv("i8", (2, 48, 9, 7), (64, 48, 3, 3), out="i8", pad=1), 64, 3, 3),
        (conv("f16", (2, 48, 9, 7), (64, 48, 3, 3), pad=1), 128, 1, 9),
        (conv("f16", (2, 112, 9, 7), (64, 112, 3, 3), pad=1), 128, 1, 18),
        (conv("f16", (2, 144, 9, 7), (64, 72, 3, 3), pad=1, groups=2), 128, 1, 18),  # which no copy brings
        (conv("i8", (2, 64, 9, 7), (64, 64, 1, 1), out="i8"), 64, 1, 1),
        (conv("i8", (2, 192, 9, 7), (64, 192, 1, 1), out="i8"), 128, 1, 2),  # the last line ends with zeros
        (matmul("f16", (64, 24), (40, 24), transpose_b=True), 64, 1, 1),
        (matmul("f16", (64, 16), (40, 16), transpose_b=True), 32, 1, 1),
        (matmul("f16", (64, 16), (16, 40)), 128, 1, 1),  # B lies across
    ],
    ids=[
        *(
            "window",
            "channels",
            "whole groups",
            "prime",
            "stride",
            "promoted",
            "whole",
            "quarter",
            "odd",
            "ragged",
        ),
        *("ragged whole", "groups"),
        *("pointwise", "long", "short", "shorter", "across"),
    ],
)
def test_lines_do_not_reach_from_a_tap_into_the_next(case: Case, line: int, panels: int, tiles: int) -> None:
    problem = case.problem
    assert (line_of(problem), panels_of(problem), tiles_of_k(problem)) == (line, panels, tiles)
    assert block_k_of(problem) * problem.a.bytes == panels * line


@pytest.mark.parametrize(("channels", "steps"), [(40, 3), (64, 4), (72, 1), (112, 3), (144, 1), (160, 2)])
def test_zeros_behind_the_channels_of_a_tap_are_not_multiplied(channels: int, steps: int) -> None:
    problem = conv("f16", (2, channels, 9, 7), (64, channels, 3, 3), pad=1).problem
    assert steps_of_last(problem) == steps
    assert multiplied_k(problem) == 9 * 16 * -(-channels // 16)
    assert steps_of_last(matmul("f16", (64, channels), (40, channels), transpose_b=True).problem) == 4
