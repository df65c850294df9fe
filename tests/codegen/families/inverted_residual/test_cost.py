"""The cost model of inverted residuals."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.inverted_residual.cost import microseconds
from glassrt.codegen.families.inverted_residual.extents import InvertedConfig

from ...contraction_cases import TARGET
from .sizes import CONFIG, EXTENTS

ONE = replace(EXTENTS, images=1, batch=1)


def time(config: InvertedConfig, **changed: object) -> float:
    return microseconds(replace(EXTENTS, **changed), config, TARGET)  # type: ignore[arg-type]


def test_less_than_memory_allows_is_never_expected() -> None:
    moved = 128 * 56 * 56 * (24 + 24) * 2
    assert time(CONFIG) > moved / TARGET.bytes_per_second * 1e6
    assert time(CONFIG, result_bytes=4) > time(CONFIG)


def test_pixels_that_tiles_share_are_expanded_again() -> None:
    assert time(CONFIG) > time(CONFIG, expands=False)
    small = replace(CONFIG, height=4, width=4, rows=2, pixels=4)
    assert time(small) > time(CONFIG)


def test_blocks_of_a_cluster_share_what_one_has_no_blocks_for() -> None:
    split = replace(CONFIG, splits=3)
    assert microseconds(ONE, split, TARGET) < microseconds(ONE, CONFIG, TARGET)
    assert time(split) > time(CONFIG)
