"""What a block of an inverted residual has in shared memory and registers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.inverted_residual.extents import InvertedConfig
from glassrt.codegen.families.inverted_residual.room import InvertedRoom

from ...contraction_cases import TARGET
from .sizes import CONFIG, EXTENTS


@pytest.mark.parametrize("expands", [True, False])
@pytest.mark.parametrize("changed", [{}, {"chunk": 16, "kept": 0}, {"splits": 3}], ids=str)
def test_parts_lie_one_behind_the_other(changed: dict[str, int], expands: bool) -> None:
    room = InvertedRoom(replace(EXTENTS, expands=expands), replace(CONFIG, **changed))
    begins = [room.expanded_at, room.convolved_at, room.weights_at, room.taps_at, room.barrier_at, room.bytes]
    assert begins == sorted(begins) and all(each % 16 == 0 for each in begins)
    assert (room.expanded_at > 0) == expands and (room.bytes > room.barrier_at) == ("splits" in changed)


def test_eight_lines_lie_in_different_banks() -> None:
    for chunk in (16, 32, 48, 64, 96):
        room = InvertedRoom(EXTENTS, replace(CONFIG, chunk=chunk))
        for pitch in (room.deep, room.wide):
            assert len({line * pitch // 16 % 8 for line in range(8)}) == 8
        assert room.wide >= 2 * chunk and room.deep >= 2 * EXTENTS.depth


@pytest.mark.parametrize("columns", [8, 24, 96, 160])
@pytest.mark.parametrize("config", [CONFIG, InvertedConfig(14, 14, 48, 256, 7, 2, 1)], ids=str)
def test_warps_share_the_projection(columns: int, config: InvertedConfig) -> None:
    room = InvertedRoom(replace(EXTENTS, columns=columns), config)
    assert room.warps_m * room.warps_n == config.warps
    assert room.warps_m * room.tiles_m * 16 >= config.outputs
    assert room.warps_n * room.pairs * 16 >= columns


def test_chunks_of_a_cluster() -> None:
    assert InvertedRoom(EXTENTS, CONFIG).chunks == 3
    assert InvertedRoom(EXTENTS, replace(CONFIG, splits=2)).chunks == 2
    assert InvertedRoom(EXTENTS, replace(CONFIG, splits=3)).chunks == 1


def test_more_sums_take_more_registers() -> None:
    room = InvertedRoom(EXTENTS, CONFIG)
    wide = InvertedRoom(replace(EXTENTS, columns=160), CONFIG)
    assert wide.registers > room.registers and wide.resident(TARGET) <= room.resident(TARGET)
    assert InvertedRoom(EXTENTS, replace(CONFIG, chunk=32, rows=1, pixels=1)).busy == 1.0
