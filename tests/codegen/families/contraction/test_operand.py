"""Specs of operands: which loads need a check, where tiles lie, and what a thread copies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.gather import KEnd
from glassrt.codegen.families.contraction.mma import MMA, MmaConfig
from glassrt.codegen.families.contraction.operand import OperandSpec, a_operand, b_operand
from glassrt.codegen.families.contraction.problem import Problem
from glassrt.codegen.families.contraction.row_work import RowWork
from glassrt.codegen.families.contraction.tile import Tiling
from glassrt.codegen.text.render import Code, Identifier
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import U8

from ...contraction_cases import conv, matmul

CONFIG = MmaConfig(64, 32, 64, 2, 1, 1, 3)
N = symbol("N")


def operands(problem: Problem, rows: RowWork | None = None) -> tuple[OperandSpec, OperandSpec]:
    product, tiling, names = MMA.spec(problem, CONFIG), Tiling.of(CONFIG, REFERENCE), {"N": "s0"}
    code = Code("value") if problem.a_computed else None
    a = a_operand(problem, tiling, Identifier("x0"), names, product, REFERENCE, code, rows)
    return a, b_operand(problem, tiling, Identifier("x1"), names, product, REFERENCE)


def test_the_tiles_of_a_product() -> None:
    a, b = operands(matmul("f16", (128, 192), (192, 96)).problem)
    assert (a.role, a.name, a.extent, a.stage_size) == ("a", "x0", "M", "A_TILE")
    assert (b.role, b.name, b.extent, b.stage_size) == ("b", "x1", "N", "B_TILE")
    # A is K-major, so that its lines are rows; B has its columns innermost, so that its lines are steps of k.
    assert (a.tile.k_major, a.tile.lines, a.tile.chunks) == (True, 64, 64 // 8)
    assert (b.tile.k_major, b.tile.lines, b.tile.chunks) == (False, 64, 32 // 8)
    assert (a.vector, a.bytes, a.tile_bytes, b.tile_bytes) == (8, 16, 64 * 64 * 2, 32 * 64 * 2)
    # 64 threads, with a chunk each at a time.
    assert (a.slots, b.slots) == (64 * 8 // 64, 8)
    assert (a.gather.channels, a.gather.k_step, b.gather.k_step) == ("192", "1", "96")


@pytest.mark.parametrize(
    ("m", "n", "k", "a_checks", "b_checks"),
    [
        (128, 96, 192, (False, False), (False, False)),
        (100, 96, 192, (True, False), (False, False)),
        (128, 90, 192, (False, False), (True, False)),
        (128, 96, 200, (False, True), (False, True)),
        (N, 96, 192, (True, False), (False, False)),
        (128, 96, N, (False, True), (False, True)),
    ],
)
def test_loads_past_the_end_are_checked(
    m: int, n: int, k: int, a_checks: tuple[bool, bool], b_checks: tuple[bool, bool]
) -> None:
    """(rows, k) of each operand."""
    a, b = operands(matmul("f16", (m, k), (k, n), sizes={"N": 7}).problem)
    for operand, checks in ((a, a_checks), (b, b_checks)):
        assert (operand.gather.checked, operand.gather.k_end is not KEnd.NONE) == checks
        assert operand.clamped == checks[0] and operand.linear == (not checks[0])


def test_taps_of_a_window() -> None:
    wide, narrow = (operands(conv("f16", (2, c, 8, 8), (64, c, 3, 3), pad=1).problem)[0] for c in (64, 48))
    assert wide.gather.taps == 9 and wide.gather.masked and not wide.linear
    # A tile of k has 64 elements: with 48 channels it spans two taps.
    assert wide.gather.uniform_taps and not narrow.gather.uniform_taps
    assert not operands(conv("f16", (2, 64, 8, 8), (64, 64, 3, 3)).problem)[0].gather.masked


def test_batch_entries_may_begin_elsewhere() -> None:
    alone = matmul("f16", (64, 64), (64, 64)).problem
    batched = matmul("f16", (3, 64, 64), (3, 64, 64)).problem
    part = replace(alone, a_offset=128)
    assert [each.based for each in operands(alone)] == [False, False]
    assert [each.based for each in operands(batched)] == [True, True]
    assert [each.based for each in operands(part)] == [True, False]
    assert operands(part)[0].gather.offset == "128"


def test_a_prologue_goes_through_registers() -> None:
    problem = replace(matmul("f16", (128, 64), (64, 96)).problem, a_memory=U8, a_computed=True)
    a, b = operands(problem)
    assert (a.type, a.memory_type, a.element_bytes) == ("f16", "u8", 2)
    assert not a.staging.asynchronous and a.staging.prologue == "value" and b.staging.asynchronous
    assert a.staged_by.endswith("registers.cu.j2") and b.staged_by.endswith("cp_async.cu.j2")


def test_gathered_rows_have_no_common_stride() -> None:
    problem = matmul("f16", (128, 64), (64, 96)).problem
    for picks in (True, False):
        a, _ = operands(problem, RowWork((), picks, Code("")))
        assert a.picked == picks and a.linear == (not picks)


@pytest.mark.parametrize(
    ("k", "splits", "end"),
    [(192, 1, KEnd.NONE), (200, 1, KEnd.LOOP), (100, 1, KEnd.LAST), (200, 2, KEnd.ALL), (N, 1, KEnd.ALL)],
)
def test_which_tiles_are_checked_for_the_end_of_k(k: int, splits: int, end: KEnd) -> None:
    """With three stages two tiles are loaded before the main loop."""
    problem, config = matmul("f16", (64, k), (k, 32), sizes={"N": 7}).problem, CONFIG.split(splits)
    product, tiling = MMA.spec(problem, config), Tiling.of(config, REFERENCE)
    b = b_operand(problem, tiling, Identifier("x1"), {"N": "s0"}, product, REFERENCE)
    assert b.gather.k_end is end
