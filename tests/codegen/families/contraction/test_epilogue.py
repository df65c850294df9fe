"""Epilogues: rows that a thread loads ahead, and the memory of staged accumulators."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.emit.early_reads import StructCode
from glassrt.codegen.families.contraction.epilogue import (
    EpilogueSpec,
    finish_latency,
    partial_cycles,
    split_latency,
    staged_cycles,
    sums_pitch,
)
from glassrt.codegen.families.contraction.tile import Tiling
from glassrt.codegen.families.contraction.work import Work
from glassrt.codegen.text.render import Code, Identifier

SPEC = EpilogueSpec(
    accumulate=Identifier("f32"),
    vector=8,
    block_m=128,
    columns=16,
    threads=256,
    splits=1,
    cluster=1,
    groups=1,
    pitch=136,
    m_checked=False,
    n_checked=False,
    code=Code(""),
    beside=StructCode(Code(""), Code(""), 16, Code("")),
    along=None,
)
TILING = Tiling(64, 128, 32, 256, 3, 1, 1)
WORK = Work(TILING, resident=2, flops_per_clock=4096.0, shared_bytes=1.0, steps=2)
FIT = REFERENCE.fitted.contraction


@pytest.mark.parametrize(
    ("changes", "ahead"),
    [
        ({}, 8),  # 8 passes of 16 rows
        ({"block_m": 64}, 4),
        ({"block_m": 96}, 2),
        ({"block_m": 1024}, 8),
        ({"beside": StructCode(Code(""), Code(""), 64, Code(""))}, 4),  # within the registers
        ({"beside": StructCode(Code(""), Code(""), 512, Code(""))}, 1),
        ({"beside": None}, 0),
        ({"columns": 48}, 0),  # rows do not divide evenly
        ({"block_m": 24}, 0),
    ],
)
def test_rows_ahead(changes: dict[str, object], ahead: int) -> None:
    assert replace(SPEC, **changes).rows_ahead == ahead  # type: ignore[arg-type]


FEW = replace(SPEC, block_m=16, columns=4, threads=128, along=StructCode(Code(""), Code(""), 16, Code("")))
WEIGHTS = StructCode(Code(""), Code(""), 16, Code(""), constant=True)


@pytest.mark.parametrize(
    ("changes", "along", "beside"),
    [
        ({"along": WEIGHTS}, True, True),
        ({}, False, True),  # another kernel writes what all rows share
        ({"along": WEIGHTS, "block_m": 64}, True, False),  # several rows a thread
        ({"along": WEIGHTS, "block_m": 64, "groups": 4}, False, False),  # many accumulators
        ({"along": WEIGHTS, "columns": 3}, False, False),  # a thread's columns change
        ({"along": None, "beside": None}, False, False),
    ],
)
def test_operands_are_loaded_ahead_of_the_products(
    changes: dict[str, object], along: bool, beside: bool
) -> None:
    own = replace(FEW, **changes)  # type: ignore[arg-type]
    assert (own.along_ahead, own.beside_ahead, own.placed_ahead) == (along, beside, along or beside)


def test_accumulators_are_loaded_sixteen_bytes_at_a_time() -> None:
    assert SPEC.quad == 4 and replace(SPEC, accumulate=Identifier("f64")).quad == 2
    assert replace(SPEC, vector=1).quad == 1
    assert SPEC.sums_bytes == 128 * 136 * 4 and replace(SPEC, groups=2).sums_bytes == 2 * SPEC.sums_bytes
    assert sums_pitch(TILING) == 128 + 8


def test_split_sums_cost_their_way_through_the_cache() -> None:
    bytes_ = 64 * 128 * 4
    split = replace(WORK, tiling=replace(TILING, splits=4), groups=2)
    assert staged_cycles(WORK, 128.0) == bytes_ * 2 / 128 and staged_cycles(split, 128.0) == bytes_ * 3 / 128
    assert partial_cycles(WORK, FIT) == split_latency(WORK, FIT) == 0
    assert partial_cycles(split, FIT) == bytes_ * 2 / FIT.l2_bandwidth
    assert split_latency(split, FIT) == pytest.approx(FIT.split + bytes_ * 5 / FIT.l2_bandwidth)
    assert finish_latency(WORK, FIT) == bytes_ / 256 * FIT.finish
