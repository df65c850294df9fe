"""The cost model of recurrent kernels."""

from __future__ import annotations

from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.recurrence.config import FOR_BLOCK, RecurrenceConfig, layout_of
from glassrt.codegen.families.recurrence.cost import alone_clusters, microseconds, step_cycles
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.graph.recurrence import Lstm

from .recurrences import op_of

H200 = arch_named("sm_90a")
OP, _ = op_of(Lstm, (symbol("T"), symbol("B"), 512), direction="bidirectional")
WIDE, NARROW = RecurrenceConfig(16, 4, 2, 1), RecurrenceConfig(8, 8, 2, 1)


def at(config: RecurrenceConfig, steps: int, batch: int) -> float:
    return microseconds(OP, config, H200, {"T": steps, "B": batch})


def test_time_grows_with_the_steps() -> None:
    one, two, three = (at(WIDE, steps, 1) for steps in (100, 200, 300))
    assert abs((three - two) - (two - one)) < 1e-6 and 50 < two - one < 200


def test_clusters_that_find_no_room_wait() -> None:
    assert alone_clusters(16, H200) == 7
    assert at(WIDE, 100, 24) < at(WIDE, 100, 32) / 1.9  # six clusters run at once, eight do not


def test_more_blocks_share_the_products() -> None:
    assert step_cycles(OP, WIDE, H200, 1) < step_cycles(OP, NARROW, H200, 1)


def test_blocks_share_multiprocessors_where_that_saves_a_wave() -> None:
    small = RecurrenceConfig(16, 4, 1, 1)  # four warps, of which two blocks have registers enough
    assert layout_of(OP, small).resident == 2
    few, many = at(small, 100, 24), at(small, 100, 32)
    assert few < many < 1.5 * few


def test_one_sequence_is_sent_in_pieces_and_eight_in_copies() -> None:
    pieces, copies = WIDE, RecurrenceConfig(16, 4, 2, 1, FOR_BLOCK)
    assert at(pieces, 100, 1) < at(copies, 100, 1) and at(copies, 100, 8) < at(pieces, 100, 8)
