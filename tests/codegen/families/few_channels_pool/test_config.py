"""Configurations, their runs, and the shared memory of their blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.families.few_channels.product import WGMMA
from glassrt.codegen.families.few_channels_pool.config import (
    PoolConfig,
    carried_bytes,
    has_left,
    illegal,
    parts,
    pooled_patch,
    runs_of,
    shapes,
    shared_bytes,
)
from glassrt.codegen.families.few_channels_pool.problem import PoolSide
from glassrt.dialects.core.affine import ceildiv, symbol

from ...contraction_cases import TARGET
from .layers import LAYERS, STEM, pooled

CONFIG = PoolConfig(8, 7, 64, 2, 1)


def test_a_patch_holds_what_a_band_reads() -> None:
    own = pooled(STEM)
    found = pooled_patch(own, CONFIG)
    assert (found.lines, found.chunks, found.padding) == (15 * 2 + 7, 111 + 4, 0)
    assert (found.planes, found.plane_lines) == (4, 10) and found.bytes == 40 * 115 * 16
    assert carried_bytes(own, CONFIG) == 56 * 64 * 4
    assert shared_bytes(own, CONFIG) == 14 * 32 * 64 + found.bytes + 56 * 64 * 4 + 8


def test_the_patch_of_a_part_of_a_line_has_the_unit_on_its_left() -> None:
    own, half = pooled(STEM), replace(CONFIG, groups=1)
    assert has_left(own, half) and not has_left(own, CONFIG)
    assert pooled_patch(own, half).chunks == 55 + 4 + 2
    assert not has_left(pooled(LAYERS["pairs"]), replace(CONFIG, units=1))


def test_eight_lines_are_in_different_banks() -> None:
    for layer in LAYERS.values():
        for units in (1, 2):
            assert pooled_patch(pooled(layer), replace(CONFIG, units=units)).pitch // 16 % 2 == 1


def test_nothing_is_passed_on_where_windows_do_not_overlap() -> None:
    own = pooled(LAYERS["pairs"])
    config = PoolConfig(2, 2, 16, 1, 1)
    assert carried_bytes(own, config) == 0
    assert carried_bytes(pooled(STEM), replace(CONFIG, bands=1)) == 0


@pytest.mark.parametrize(
    ("units", "taps", "span", "count"),
    [
        (56, 3, 56, 1),
        (56, 3, 20, 3),
        (56, 3, 16, 4),
        (56, 2, 16, 4),
        (56, 2, 14, 4),
        (56, 3, 14, 5),
        (1, 3, 4, 1),
    ],
)
def test_runs_overlap_where_windows_reach_back(units: int, taps: int, span: int, count: int) -> None:
    side = PoolSide(units, taps, 1)
    overlap = int(side.reaches_back)
    assert parts(side, span, overlap) == count
    apart = span - overlap
    assert (count - 1) * apart + span >= units
    assert count == 1 or (count - 2) * apart + span < units


def test_runs_along_a_side_of_any_size() -> None:
    assert parts(PoolSide(symbol("h"), 3, 1), 8, overlap=1) == ceildiv(symbol("h"), 7)
    assert runs_of(pooled(STEM), replace(CONFIG, bands=4)) == 2 * 2
    assert runs_of(pooled(STEM), replace(CONFIG, groups=1)) == 2 * 2


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"block_n": 72}, "do not divide among the threads"),
        ({"groups": 3}, "do not divide among the threads"),
        ({"units": 0}, "too few or too many"),
        ({"units": 40}, "too few or too many"),
        ({"bands": 99}, "too few or too many"),
        ({"resident": 0}, "too few or too many"),
        ({"resident": 2}, "not enough shared memory, or registers"),
    ],
)
def test_illegal_configurations(changed: dict[str, Any], reason: str) -> None:
    assert reason in str(illegal(pooled(STEM), replace(CONFIG, **changed), TARGET, WGMMA))


def test_a_large_window_has_no_room_in_registers() -> None:
    large = replace(STEM, x=(1, 8, 40, 40), window=(9, 9), stride=1, pads=(4, 4, 4, 4))
    assert "too large a window" in str(illegal(pooled(large), replace(CONFIG, block_n=32), TARGET, WGMMA))


def test_shapes_are_legal_and_no_larger_than_the_image() -> None:
    own = pooled(STEM)
    found = list(shapes(own, TARGET, WGMMA))
    assert len(found) > 10 and len(set(found)) == len(found)
    assert all(illegal(own, config, TARGET, WGMMA) is None for config in found)
    assert max(config.bands for config in found) == 7
    assert max(config.units for config in found) <= 14
