"""The cost model of recurrent kernels of cooperative grids."""

from __future__ import annotations

from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.recurrence_grid.config import GridRecurrenceConfig
from glassrt.codegen.families.recurrence_grid.cost import microseconds, step_cycles
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.graph.recurrence import Lstm

from ..recurrence.recurrences import op_of

H200 = arch_named("sm_90a")
OP, _ = op_of(Lstm, (symbol("T"), symbol("B"), 1024), direction="bidirectional")
ONE, FOUR = GridRecurrenceConfig(64, 2, 4, 1), GridRecurrenceConfig(64, 2, 4, 4)


def test_sequences_that_do_not_fit_follow_one_another() -> None:
    one, two = (microseconds(OP, ONE, H200, {"T": 100, "B": batch}) for batch in (8, 16))
    assert 1.8 * one < two < 2 * one


def test_more_sequences_at_a_time_take_less_than_one_after_the_other() -> None:
    assert (
        step_cycles(OP, ONE, H200, 32) < step_cycles(OP, FOUR, H200, 32) < 4 * step_cycles(OP, ONE, H200, 32)
    )
