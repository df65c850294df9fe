"""The order of B's columns in which a thread's accumulators are runs of a row."""

from __future__ import annotations

from itertools import product

import pytest
from glassrt.codegen.families.persistent.interleave import interleaved
from glassrt.codegen.families.persistent.operands import BulkOperand, operand_b
from glassrt.dialects.core.affine import symbol

from ...contraction_cases import Case, conv, matmul

BYTES = matmul("i8", (512, 384), (512, 384), out="i8", transpose_b=True)


def columns_of(case: Case) -> BulkOperand:
    b = operand_b(case.problem)
    assert not isinstance(b, str)
    return b


@pytest.mark.parametrize(("columns", "run"), [(64, 16), (96, 8), (128, 32), (256, 16), (128, 4)])
def test_a_thread_has_runs_of_neighbours(columns: int, run: int) -> None:
    """Of each eight lines of a tile a thread has two; see `wgmma.cuh` for which."""
    found = interleaved(columns_of(BYTES), columns, run)
    assert found is not None
    map = found.map(1, columns)
    spans = [range(each) for each in reversed(map.traversal.box[1:])]
    steps = [int(str(step)) // 384 for step in reversed(map.strides)]
    lines = [sum(at * step for at, step in zip(place, steps, strict=True)) for place in product(*spans)]
    assert sorted(lines) == list(range(columns))
    chunks = columns // (4 * run)
    for thread, chunk in product(range(4), range(chunks)):
        half = run // 2
        places = [(i % half * chunks + chunk) * 8 + thread * 2 + i // half for i in range(run)]
        first = (chunk * 4 + thread) * run
        assert [lines[place] for place in places] == list(range(first, first + run))


def test_taps_and_channels_are_one_dimension() -> None:
    b = columns_of(conv("i8", (2, 128, 9, 9), (96, 128, 3, 3), out="i8", pad=1))
    found = interleaved(b, 96, 8)
    assert found is not None and not found.taps
    assert found.dims == (9 * 128, 24, 4) and found.strides == (4 * 9 * 128, 9 * 128)
    narrow = interleaved(columns_of(conv("i8", (2, 64, 9, 9), (64, 64, 3, 3), out="i8", pad=1)), 64, 16)
    assert narrow is not None and narrow.dims[0] == 9 * 64
    assert narrow.map(1, 64).traversal.box == (64, 8, 8) and narrow.map(1, 64).traversal.swizzle == "64B"


def test_taps_whose_last_line_ends_with_zeros_are_a_dimension_of_their_own() -> None:
    b = columns_of(conv("i8", (2, 48, 9, 9), (64, 48, 3, 3), out="i8", pad=1))
    found = interleaved(b, 64, 16)
    assert found is not None and found.taps
    assert found.dims == (48, 9, 8, 8) and found.strides == (48, 8 * 9 * 48, 9 * 48)
    assert found.map(1, 64).traversal.box == (64, 1, 8, 8)
    assert found.map(1, 64, shares=2).traversal.box == (64, 1, 8, 4)


@pytest.mark.parametrize(
    "b",
    [
        columns_of(matmul("f16", (64, 64), (64, 64))),  # lies across
        columns_of(matmul("i8", (2, 64, 128), (2, 64, 128), out="i8", transpose_b=True)),  # a batch
        columns_of(matmul("i8", (64, 128), (40, 128), out="i8", transpose_b=True)),  # 40 columns
        columns_of(matmul("i8", (64, 128), (symbol("N"), 128), out="i8", transpose_b=True, sizes={"N": 64})),
    ],
    ids=["across", "batch", "columns", "symbolic"],
)
def test_what_no_map_brings(b: BulkOperand) -> None:
    assert interleaved(b, 64, 16) is None
