"""Configurations of recurrent kernels by wgmma: what is legal, and what a block holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.codegen.families.recurrence_wgmma.config import (
    WgmmaRecurrenceConfig,
    blocks_of,
    illegal,
    layout_of,
    shapes,
)
from glassrt.dialects.graph.recurrence import Gru, Lstm

from ..recurrence.recurrences import op_of

LARGE, _ = op_of(Lstm, (100, 40, 512), direction="bidirectional")
CONFIG = WgmmaRecurrenceConfig(cluster=16, warpgroups=2, tiles=2)


def test_what_a_block_holds() -> None:
    layout = layout_of(LARGE, CONFIG)
    weights = 4 * layout.steps * CONFIG.threads * CONFIG.cluster * 4  # bytes of registers of a cluster
    assert weights == 4 * 512 * 512 * 2
    assert layout.state_bytes == 2 * 16 * 512 * 2 and layout.own_elements == 16 * 32
    assert (CONFIG.pieces, replace(CONFIG, cluster=2).pieces) == (4, 2)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (CONFIG, None),
        (replace(CONFIG, tiles=3), "a size that there is no kernel for"),
        (replace(CONFIG, warpgroups=1), "its warpgroups are not those of the hidden units"),
        (replace(CONFIG, cluster=8, warpgroups=4), "not enough registers"),
        (replace(CONFIG, cluster=2, warpgroups=16), "too many warps"),
        (replace(CONFIG, tiles=8), None),
    ],
)
def test_what_is_illegal(config: WgmmaRecurrenceConfig, reason: str | None) -> None:
    assert illegal(LARGE, config, REFERENCE) == reason


def test_other_gates_and_targets_are_illegal() -> None:
    gru, _ = op_of(Gru, (100, 40, 512))
    assert illegal(gru, CONFIG, REFERENCE) == "its gates do not fill the rows of a warp"
    assert illegal(LARGE, CONFIG, arch_named("sm_80")) == "the cluster is too large"


def test_no_more_sequences_than_the_batch_needs() -> None:
    small, _ = op_of(Lstm, (4, 3, 64))
    assert {config.rows for config in shapes(small, REFERENCE, {})} == {8}
    assert {config.rows for config in shapes(LARGE, REFERENCE, {})} == {8, 16, 32, 64}
    assert blocks_of(LARGE, CONFIG) == (16, 3, 2)
