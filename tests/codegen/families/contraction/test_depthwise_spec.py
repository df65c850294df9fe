"""What the template of depthwise convolutions is told: words of weights and columns, first lines."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.families.contraction.depthwise_spec import DepthwiseSpec, specialize
from glassrt.codegen.families.contraction.strips import StripConfig

from ...contraction_cases import bind, conv


def spec_of(dtype: str, taps: tuple[int, ...], config: StripConfig, **attributes: Any) -> DepthwiseSpec:
    x = (2, 32, *(9 for _ in taps))
    case = conv(dtype, x, (32, 1, *taps), groups=32, pads=(1,) * (2 * len(taps)), **attributes)
    return specialize(case.problem, config, bind(case, "k", config.vector))


def config(vector: int, pixels: int, rows: int = 1) -> StripConfig:
    return StripConfig(vector, pixels, rows, 1, 32, 32)


@pytest.mark.parametrize(
    ("taps", "stride", "pixels", "shifts", "quads", "columns"),
    [
        (3, 1, 1, 1, 1, 4),  # one word has the taps of the only pixel
        (3, 1, 2, 2, 1, 4),  # and those of the next one, one place up
        (3, 1, 4, 2, 1, 6),
        (4, 1, 2, 2, 2, 8),
        (5, 1, 4, 2, 2, 10),
        (3, 2, 4, 1, 1, 10),  # every pixel starts at an even column
        (3, 3, 2, 2, 1, 6),
    ],
)
def test_bytes_are_multiplied_four_columns_at_a_time(
    taps: int, stride: int, pixels: int, shifts: int, quads: int, columns: int
) -> None:
    spec = spec_of("i8", (3, taps), config(4, pixels), out="i32", stride=stride)
    assert spec.dot is not None
    assert (spec.dot.shifts, spec.dot.quads, spec.strips.columns) == (shifts, quads, columns)
    assert columns >= spec.strips.x.positions
    assert spec.held == 3 * shifts * quads


@pytest.mark.parametrize(
    ("dtype", "vector", "attributes"),
    [("f16", 4, {}), ("i8", 2, {"out": "i32"}), ("i8", 4, {"out": "i32", "dilation": 2})],
)
def test_others_are_multiplied_alone(dtype: str, vector: int, attributes: dict[str, Any]) -> None:
    spec = spec_of(dtype, (3, 3), config(vector, 1), **attributes)
    assert spec.dot is None and spec.held == 9 and spec.strips.columns == 3


def test_weights_of_large_windows_stay_in_shared_memory() -> None:
    assert spec_of("f16", (5, 5), config(2, 2)).held == 25
    assert spec_of("f16", (5, 5), config(4, 2)).held == 0


def test_planes_of_a_window_follow_each_other() -> None:
    spec = spec_of("f16", (2, 3, 3), config(4, 2))
    assert spec.first_line == "tap_z * 3"
    assert [window.tap for window in spec.strips.outer_windows] == ["tap_z"]
    assert spec_of("f16", (3, 3), config(4, 2)).first_line == ""
