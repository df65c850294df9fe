"""Configurations of recurrent kernels of cooperative grids: what is legal, and what a block holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.recurrence_grid.config import (
    GridRecurrenceConfig,
    blocks_of,
    illegal,
    layout_of,
    shapes,
)
from glassrt.dialects.graph.recurrence import Lstm

from ..recurrence.recurrences import op_of

LARGE, _ = op_of(Lstm, (100, 32, 1024), direction="bidirectional")
CONFIG = GridRecurrenceConfig(blocks=64, groups=2, splits=4, tiles=2)


def test_the_grid_holds_all_weights_once() -> None:
    layout = layout_of(LARGE, CONFIG)
    registers = CONFIG.groups * CONFIG.splits * layout.kept * layout.halves * 512
    assert (registers + layout.weight_bytes) * CONFIG.blocks == 4 * 1024 * 1024 * 2
    assert layout.state_bytes == 1024 * 16 * 2 and layout.staged_bytes == 0


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (CONFIG, None),
        (replace(CONFIG, in_turn=1), None),
        (replace(CONFIG, in_turn=2), "there are no directions that could take turns"),
        (replace(CONFIG, tiles=3), "a size that there is no kernel for"),
        (replace(CONFIG, blocks=63), "its blocks are not those of the hidden units"),
        (replace(CONFIG, blocks=128, groups=1), "its blocks are not resident at the same time"),
        (replace(CONFIG, blocks=16, groups=8, splits=8), "too many warps"),
        (replace(CONFIG, blocks=16, groups=8), "not enough registers"),
        (replace(CONFIG, blocks=32, groups=4), "not enough shared memory"),
    ],
)
def test_what_is_illegal(config: GridRecurrenceConfig, reason: str | None) -> None:
    assert illegal(LARGE, config, REFERENCE) == reason


def test_the_grid_does_not_depend_on_the_batch() -> None:
    assert blocks_of(LARGE, CONFIG) == (64, 1, 2)
    assert blocks_of(LARGE, replace(CONFIG, in_turn=1)) == (64, 1, 1)
    assert {config.tiles for config in shapes(LARGE, REFERENCE, {})} == {1, 2, 4}
