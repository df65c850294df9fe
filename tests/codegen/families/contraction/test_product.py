"""The cost of a product of tiles."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.product import dependent_cycles, product_cycles
from glassrt.codegen.families.contraction.tile import Tiling
from glassrt.codegen.families.contraction.work import Work

WORK = Work(Tiling(64, 128, 32, 256, 3, 1, 1), resident=2, flops_per_clock=4096.0, shared_bytes=1.0, steps=2)
FIT = replace(REFERENCE.fitted.contraction, efficiency=0.5, step_latency=30.0)


def test_cycles_are_flops_over_the_rate_that_is_reached() -> None:
    assert product_cycles(WORK, FIT) == 2 * 64 * 128 * 32 / (4096 * 0.5)
    assert dependent_cycles(WORK, FIT) == 60
