"""Configurations of recurrent kernels: what is legal, and what a block holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.codegen.families.recurrence.config import (
    RecurrenceConfig,
    blocks_of,
    illegal,
    layout_of,
    parts_of,
    shapes,
)
from glassrt.dialects.graph.recurrence import Gru, Lstm, Rnn

from .recurrences import op_of

LARGE, _ = op_of(Lstm, (100, 32, 512), direction="bidirectional")
CONFIG = RecurrenceConfig(cluster=16, groups=4, splits=2, tiles=2)


def test_the_rows_of_a_group_fill_fragments() -> None:
    assert [(kind.gates * parts_of(kind.gates)) % 2 for kind in (Lstm, Gru, Rnn)] == [0, 0, 0]
    assert [parts_of(kind.gates) for kind in (Lstm, Gru, Rnn)] == [1, 2, 2]


def test_a_block_holds_its_weights_in_registers_while_there_is_room() -> None:
    layout = layout_of(LARGE, CONFIG)
    assert (layout.steps, layout.kept, layout.weight_bytes) == (8, 8, 0)
    half = layout_of(LARGE, RecurrenceConfig(8, 8, 2, 1))  # twice the threads with half the registers each
    assert half.kept < half.steps
    every = (half.config.warps * half.kept * half.halves * 512 + half.weight_bytes) * 8
    assert every == 4 * 512 * 512 * 2  # bytes of a direction


def test_states_are_padded_to_whole_steps_of_all_warps() -> None:
    for hidden in (6, 32, 64, 110, 512, 768):
        op, _ = op_of(Lstm, (2, 2, hidden))
        for config in shapes(op, REFERENCE, {}):
            layout = layout_of(op, config)
            assert layout.state_elements == layout.steps * config.splits * 32 * config.rows
            assert layout.state_elements >= hidden * config.rows


def test_what_arrives_at_a_block() -> None:
    odd, _ = op_of(Gru, (2, 2, 110))
    sizes = {copies: layout_of(odd, RecurrenceConfig(4, 2, 2, 1, copies)) for copies in (0, 1)}
    assert sizes[0].sent_bytes == 14 * 16 and sizes[0].staged_bytes == 0  # of each sequence
    assert sizes[1].sent_bytes == 7 * 16 * 8 * 2 and sizes[1].staged_bytes == 2 * 2 * 16 * 8 * 2


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (CONFIG, None),
        (replace(CONFIG, cluster=3), "a size that there is no kernel for"),
        (replace(CONFIG, groups=5), "its groups are not those of the hidden units"),
        (replace(CONFIG, copies=2), None),
        (RecurrenceConfig(1, 64, 1, 1), "too many warps"),
        (RecurrenceConfig(1, 64, 1, 1, copies=1), "a block alone copies its states to no other"),
        (RecurrenceConfig(4, 16, 2, 1), "not enough barriers"),
        (RecurrenceConfig(4, 16, 1, 1), "not enough shared memory"),
    ],
)
def test_what_is_illegal(config: RecurrenceConfig, reason: str | None) -> None:
    assert illegal(LARGE, config, REFERENCE) == reason


def test_blocks_copy_their_states_where_all_have_as_many() -> None:
    op, _ = op_of(Lstm, (2, 2, 40))
    reasons = [illegal(op, RecurrenceConfig(2, 3, 1, 1, copies), REFERENCE) for copies in (0, 1, 2)]
    assert reasons == [None, None, "its blocks do not have as many units each"]


def test_clusters_have_no_more_blocks_than_the_target_allows() -> None:
    assert illegal(LARGE, CONFIG, arch_named("sm_80")) == "the cluster is too large"


def test_no_more_tiles_than_the_batch_needs_and_no_empty_blocks() -> None:
    one, _ = op_of(Lstm, (4, 3, 40))
    found = list(shapes(one, REFERENCE, {}))
    assert found and {config.tiles for config in found} == {1}
    assert all((config.cluster - 1) * config.groups * 8 < 40 for config in found)
    assert {config.tiles for config in shapes(LARGE, REFERENCE, {})} == {1, 2}


def test_a_cluster_for_each_direction_and_each_part_of_the_batch() -> None:
    assert blocks_of(LARGE, CONFIG) == (16, 2, 2)
