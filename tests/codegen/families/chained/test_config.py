"""Configurations of chained contractions: what fits a block, and where it lies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.chained.config import ChainedConfig, Extents, Room, configurations, illegal

from ...contraction_cases import TARGET

EXTENTS = Extents(200, 200, 64, 256, 64, 2, 2, 2, 128, True, True)
CONFIG = ChainedConfig(2, 128, 4, 4, 4)
SPACE = TARGET.shared_bytes


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"groups": 4}, "two or three warpgroups"),  # threads would wait for registers that there are not
        ({"groups": 1}, "two or three warpgroups"),
        ({"line": 48}, "two or three warpgroups"),
        ({"stages": 1}, "as long as the others need weights"),
        ({"buffers": 1}, "while the next one"),
        ({"slots": 0}, "while the next one"),
        ({"slots": 5}, "weights stay"),
        ({"slots": 1}, "weights stay"),
        ({"buffers": 40}, "not enough shared memory"),
    ],
    ids=str,
)
def test_what_is_illegal_is_said(changed: dict[str, int], reason: str) -> None:
    assert illegal(EXTENTS, CONFIG, SPACE) is None
    found = illegal(EXTENTS, replace(CONFIG, **changed), SPACE)
    assert found is not None and reason in found


def test_results_divide_into_chunks_and_registers() -> None:
    assert "chunks" in str(illegal(replace(EXTENTS, n=200), CONFIG, SPACE))
    assert "too many columns" in str(illegal(replace(EXTENTS, columns=264), CONFIG, SPACE))
    wide = replace(EXTENTS, columns=192)
    assert illegal(wide, replace(CONFIG, buffers=2), SPACE) is None
    assert "accumulators" in str(illegal(wide, replace(CONFIG, groups=3, buffers=2), SPACE))


@pytest.mark.parametrize("config", [CONFIG, replace(CONFIG, slots=2), ChainedConfig(3, 64, 4, 3, 8)], ids=str)
def test_parts_of_shared_memory_lie_one_behind_the_other(config: ChainedConfig) -> None:
    room = Room(EXTENTS, config)
    begins = [room.weights, room.buffers, room.columns, room.second_columns, room.barriers, room.bytes]
    assert begins == sorted(begins) and all(each % 1024 == 0 for each in begins[:3])
    assert room.buffers - room.weights == config.slots * (room.first + room.second)
    assert all(each % 16 == 0 for each in begins[:5])
    assert room.kept == (config.slots * config.line == 512)


def test_a_narrow_result_is_a_chunk_at_least() -> None:
    assert replace(EXTENTS, columns=8).block_n == 16
    assert replace(EXTENTS, columns=8, second_bytes=1).block_n == 32


def test_configurations_are_legal_and_of_both_kinds() -> None:
    found = list(configurations(EXTENTS, SPACE))
    assert all(illegal(EXTENTS, config, SPACE) is None for config in found)
    assert {Room(EXTENTS, config).kept for config in found} == {True, False}
    assert len(set(found)) == len(found) and {config.groups for config in found} == {2, 3}
    large = replace(EXTENTS, k=256, n=1024, columns=256)
    assert not any(Room(large, config).kept for config in configurations(large, SPACE))
