"""Configurations of bottlenecks: what fits a block, and where it lies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.bottleneck.config import (
    BottleneckConfig,
    BottleneckExtents,
    BottleneckRoom,
    configurations,
    illegal,
)
from glassrt.codegen.families.patched.patch import PatchExtents

from ...contraction_cases import TARGET

HEAD = PatchExtents(128, 56, 56, (3, 3), (1, 1), (1, 1), 128, 1, 4, 64, 2, 2, False, True)
EXTENTS = BottleneckExtents(HEAD, 256, 64, 128, 2, 2, True)
CONFIG = BottleneckConfig(2, 128, 2, 3)
SPACE = TARGET.shared_bytes


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"groups": 4}, "two or three warpgroups"),
        ({"line": 48}, "two or three warpgroups"),
        ({"stages": 1}, "keeps a patch"),
        ({"buffers": 1}, "while the next one"),
        ({"buffers": 40}, "not enough shared memory"),
    ],
    ids=str,
)
def test_what_is_illegal_is_said(changed: dict[str, int], reason: str) -> None:
    assert illegal(EXTENTS, CONFIG, SPACE) is None
    assert reason in str(illegal(EXTENTS, replace(CONFIG, **changed), SPACE))


def test_results_divide_into_chunks_and_registers() -> None:
    assert "chunks" in str(illegal(replace(EXTENTS, n=200), CONFIG, SPACE))
    assert "too many columns" in str(illegal(replace(EXTENTS, columns=264), CONFIG, SPACE))
    head = replace(HEAD, n=256, lines=1)
    three = replace(CONFIG, groups=3, stages=3)
    assert "accumulators" in str(illegal(replace(EXTENTS, head=head), three, SPACE))
    wide = replace(EXTENTS, head=replace(HEAD, lines=8))
    assert "too many products" in str(illegal(wide, CONFIG, SPACE))


@pytest.mark.parametrize("config", [CONFIG, BottleneckConfig(3, 64, 3, 3)], ids=str)
def test_parts_of_shared_memory_lie_one_behind_the_other(config: BottleneckConfig) -> None:
    room = BottleneckRoom(EXTENTS, config)
    begins = [room.taps, room.weights, room.buffers, *room.columns, room.barriers, room.bytes]
    assert begins == sorted(set(begins)) and all(each % 1024 == 0 for each in begins[:4])
    assert room.weights - room.taps == 9 * 64 * 128
    assert room.buffers - room.weights == room.chunks * (room.first + room.second)
    assert all(each % 8 == 0 for each in begins)


def test_results_take_the_place_of_their_patch() -> None:
    """A patch of 10 x 10 pixels has room for 64 of as many channels, not of twice as many."""
    assert BottleneckRoom(EXTENTS, CONFIG).stage == 13 * 1024
    wide = replace(EXTENTS, head=replace(HEAD, n=128))
    assert BottleneckRoom(wide, CONFIG).stage == 64 * 128 * 2


def test_without_a_second_product_nothing_is_kept_for_one() -> None:
    alone = replace(EXTENTS, columns=0)
    room = BottleneckRoom(alone, CONFIG)
    assert alone.block_n == 0 and room.second == 0 and room.columns[2] == room.barriers
    assert room.bytes < BottleneckRoom(EXTENTS, CONFIG).bytes


def test_all_that_are_proposed_are_legal_and_the_largest() -> None:
    found = list(configurations(EXTENTS, SPACE))
    assert {config.groups for config in found} == {2, 3}
    for config in found:
        assert illegal(EXTENTS, config, SPACE) is None
        assert config.buffers == 8 or illegal(EXTENTS, replace(config, buffers=config.buffers + 1), SPACE)
