"""The cost model of recurrent kernels by wgmma."""

from __future__ import annotations

from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.recurrence_wgmma.config import WgmmaRecurrenceConfig
from glassrt.codegen.families.recurrence_wgmma.cost import microseconds, step_cycles
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.graph.recurrence import Lstm

from ..recurrence.recurrences import op_of

H200 = arch_named("sm_90a")
OP, _ = op_of(Lstm, (symbol("T"), symbol("B"), 512), direction="bidirectional")
ONE, TWO = WgmmaRecurrenceConfig(16, 2, 1), WgmmaRecurrenceConfig(16, 2, 2)


def at(config: WgmmaRecurrenceConfig, steps: int, batch: int) -> float:
    return microseconds(OP, config, H200, {"T": steps, "B": batch})


def test_time_grows_with_the_steps() -> None:
    one, two, three = (at(TWO, steps, 16) for steps in (100, 200, 300))
    assert abs((three - two) - (two - one)) < 1e-6 and two - one > 20


def test_more_sequences_take_longer_steps_and_fewer_clusters() -> None:
    assert step_cycles(OP, ONE, H200) < step_cycles(OP, TWO, H200) < 2 * step_cycles(OP, ONE, H200)
    assert at(TWO, 100, 32) < at(ONE, 100, 32)  # eight clusters of 16 blocks find no room at once
