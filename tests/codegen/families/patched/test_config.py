"""Configurations of convolutions over patches: what fits a block, and where it lies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.patched.config import (
    PatchConfig,
    PatchRoom,
    blocks_of,
    configurations,
    illegal,
    tiles_of,
)
from glassrt.codegen.families.patched.patch import PatchExtents

from ...contraction_cases import TARGET

EXTENTS = PatchExtents(128, 56, 56, (3, 3), (1, 1), (1, 1), 128, 1, 4, 64, 2, 2, False, True)
CONFIG = PatchConfig(groups=2, high=1, wide=2, block_n=64, stages=2, buffers=2)
SPACE = TARGET.shared_bytes


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"groups": 4}, "two or three warpgroups"),
        ({"high": 0}, "not positive"),
        ({"block_n": 40}, "the columns"),
        ({"block_n": 8}, "the columns"),  # less than a chunk
        ({"high": 4}, "accumulators"),
        ({"groups": 3, "high": 2, "stages": 3}, "accumulators"),
        ({"stages": 0}, "stages of its own"),
        ({"stages": 3}, "stages of its own"),
        ({"buffers": 1}, "while the next one is made"),
        ({"stages": 8}, "not enough shared memory"),
    ],
    ids=str,
)
def test_what_is_illegal_is_said(changed: dict[str, int], reason: str) -> None:
    assert illegal(EXTENTS, CONFIG, SPACE) is None
    found = illegal(EXTENTS, replace(CONFIG, **changed), SPACE)
    assert found is not None and reason in found


def test_windows_are_unrolled_and_patches_are_boxes() -> None:
    large = replace(EXTENTS, taps=(7, 7), line=32, last_steps=1)
    assert illegal(large, CONFIG, SPACE) is None
    assert "in a loop" in str(illegal(replace(large, last_steps=2), CONFIG, SPACE))
    far = replace(EXTENTS, dilations=(1, 125))
    assert "tensor map" in str(illegal(far, CONFIG, SPACE))


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("residual", [False, True])
def test_parts_of_shared_memory_lie_one_behind_the_other(lines: int, residual: bool) -> None:
    extents = replace(EXTENTS, lines=lines, line=64, residual=residual)
    room = PatchRoom(extents, CONFIG)
    assert room.pixels == (10, 18) and room.panel == 180 * 64 <= room.panel_room
    begins = [room.weights, room.buffers, room.columns, room.barriers, room.bytes]
    assert begins == sorted(begins) and all(each % 1024 == 0 for each in begins[:3])
    assert room.buffers - room.weights == 9 * lines * 64 * 64
    assert room.bytes - room.barriers == 8 * (7 + (8 if residual else 0))


def test_blocks_of_pixels_cover_images() -> None:
    assert tiles_of(EXTENTS, CONFIG) == 128 * 7 * 4
    assert tiles_of(replace(EXTENTS, height=57), replace(CONFIG, high=2, wide=1)) == 128 * 4 * 7
    assert blocks_of(replace(EXTENTS, n=192), CONFIG, 133) == 132


def test_configurations_are_legal_and_have_most_under_way() -> None:
    found = list(configurations(EXTENTS, SPACE))
    assert all(illegal(EXTENTS, config, SPACE) is None for config in found)
    assert {config.groups for config in found} == {2, 3} and {config.buffers for config in found} == {2, 4}
    assert any(config.fragments > 1 for config in found)
    for config in found:
        more = replace(config, stages=config.stages + config.groups)
        assert config.stages == 4 * config.groups or illegal(EXTENTS, more, SPACE) is not None
    many = list(configurations(replace(EXTENTS, lines=4, n=256), SPACE))
    assert not many  # weights of all taps do not stay
