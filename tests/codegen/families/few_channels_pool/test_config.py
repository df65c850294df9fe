"""Configurations, their runs, and the shared memory of their blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.families.few_channels_pool.config import (
    PoolConfig,
    carried_bytes,
    illegal,
    met_bytes,
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
    found = pooled_patch(own.image, CONFIG)
    assert (found.lines, found.chunks, found.padding) == (7 * 2 + 7, 111 + 4, 0)
    assert (found.planes, found.plane_lines) == (2, 11) and found.bytes == 22 * 115 * 16
    passed = 56 * 8 * 8 * 4 + 256 * 16 * 4
    assert carried_bytes(own, CONFIG) + met_bytes(own, CONFIG) == passed
    assert shared_bytes(own, CONFIG) == 14 * 32 * 64 + found.bytes + passed + 8


def test_nothing_is_passed_on_where_windows_do_not_overlap() -> None:
    own = pooled(LAYERS["pairs"])
    config = PoolConfig(2, 2, 16, 1, 1)
    assert carried_bytes(own, config) == met_bytes(own, config) == 0
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
    assert parts(side, span) == count
    apart = span - int(side.reaches_back)
    assert (count - 1) * apart + span >= units
    assert count == 1 or (count - 2) * apart + span < units


def test_runs_along_a_side_of_any_size() -> None:
    assert parts(PoolSide(symbol("h"), 3, 1), 8) == ceildiv(symbol("h"), 7)
    assert runs_of(pooled(STEM), CONFIG) == 2 * 2


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
    assert reason in str(illegal(pooled(STEM), replace(CONFIG, **changed), TARGET))


def test_a_large_window_has_no_room_in_registers() -> None:
    large = replace(STEM, x=(1, 8, 40, 40), window=(9, 9), stride=1, pads=(4, 4, 4, 4))
    assert "too large a window" in str(illegal(pooled(large), replace(CONFIG, block_n=32), TARGET))


def test_shapes_are_legal_and_no_larger_than_the_image() -> None:
    own = pooled(STEM)
    found = list(shapes(own, TARGET, 8))
    assert len(found) > 10 and len(set(found)) == len(found)
    assert all(illegal(own, config, TARGET) is None for config in found)
    assert max(config.bands for config in found) == 14
    assert max(config.units for config in found) <= 14
