"""How tiles of a contraction are staged: passes over lines, registers, and bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.staging import (
    arrival_cycles,
    barrier_bytes,
    copied_bytes,
    origin_registers,
    staged_registers,
    staging_spec,
    stored_bytes,
)
from glassrt.codegen.families.contraction.tile import Tiling, tile_spec
from glassrt.codegen.families.contraction.work import ContractionLoad, Work
from glassrt.codegen.families.staging.staging import StagedOperand
from glassrt.dialects.core.dtypes import F16

from ...contraction_cases import matmul

TILING = Tiling(64, 128, 32, 128, 3, 1, 1)
PROBLEM = matmul("f16", (512, 512), (512, 512), transpose_b=True).problem
FIT = REFERENCE.fitted.contraction


@pytest.mark.parametrize(("wide", "passes", "ragged"), [(64, 2, False), (128, 4, False), (80, 3, True)])
def test_threads_pass_over_the_lines_of_a_tile(wide: int, passes: int, ragged: bool) -> None:
    tile = tile_spec(F16, wide, 32, k_major=True, swizzled=True)
    found = staging_spec(tile, StagedOperand(F16, 8), TILING, REFERENCE)
    assert (found.lines_per_pass, found.passes, found.ragged) == (32, passes, ragged)
    assert found.asynchronous and found.vector == 8 and found.prologue is None and found.barrier_bytes == 0
    assert not staging_spec(tile, StagedOperand(F16, 1), TILING, REFERENCE).asynchronous


def test_only_what_goes_through_registers_takes_them() -> None:
    a, b = PROBLEM.staged
    assert (a.vector, b.vector, a.computed) == (8, 8, False)
    assert staged_registers(PROBLEM, TILING, REFERENCE) == barrier_bytes(PROBLEM, TILING, REFERENCE) == 0
    computed = replace(PROBLEM, a_computed=True)
    copies = 64 * 32 * 2 // 16 // 128
    assert staged_registers(computed, TILING, REFERENCE) == 8 * copies
    assert origin_registers(PROBLEM, TILING) == 0
    assert origin_registers(replace(PROBLEM, a_picked=(0, 1)), TILING) == copies
    assert origin_registers(replace(PROBLEM, a_picked=(0, 1), wide=True), TILING) == 2 * copies


def test_narrow_copies_cost_more_stores() -> None:
    work = Work(TILING, resident=1, flops_per_clock=1.0, shared_bytes=1.0, steps=1)
    load = ContractionLoad.of(PROBLEM, work)
    assert copied_bytes(load, work) == (64 + 128) * 32 * 2
    assert stored_bytes(load, work, FIT) == copied_bytes(load, work)
    narrow = replace(load, copy_bytes=4)
    assert stored_bytes(narrow, work, FIT) == pytest.approx(copied_bytes(load, work) * (1 + 3 * FIT.narrow))
    assert arrival_cycles(work, FIT) == FIT.memory_latency / 2
