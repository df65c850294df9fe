"""Tiles in shared memory: banks without conflicts, and splits that leave no block idle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.tile import (
    Tiling,
    pipeline_bytes,
    resident_blocks,
    split_ways,
    splits_evenly,
    swizzle,
    tile_spec,
    tiles_of,
)
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I8
from hypothesis import given
from hypothesis import strategies as st

from ...contraction_cases import matmul


@pytest.mark.parametrize("chunks", [1, 2, 4, 8, 16])
def test_eight_lines_of_a_column_lie_in_eight_bank_groups(chunks: int) -> None:
    shift, mask = swizzle(chunks)
    for column in range(chunks):
        places = {(line * chunks + (column ^ ((line >> shift) & mask))) % 8 for line in range(8)}
        assert len(places) == 8
    for line in range(16):
        assert {c ^ ((line >> shift) & mask) for c in range(chunks)} == set(range(chunks))


def test_a_padded_tile_has_a_chunk_more_in_each_line() -> None:
    padded = tile_spec(F16, 128, 32, k_major=True, swizzled=False)
    assert (padded.lines, padded.chunks, padded.chunk, padded.pitch) == (128, 4, 8, 40)
    assert padded.elements == 128 * 40
    swizzled = tile_spec(I8, 128, 64, k_major=False, swizzled=True)
    assert (swizzled.lines, swizzled.chunks, swizzled.pitch) == (64, 8, 128)
    assert (swizzled.swizzle_shift, swizzled.swizzle_mask) == swizzle(8)


@dataclass(frozen=True)
class Config:
    """A configuration of nothing but its tiling."""

    block_m: int = 64
    block_n: int = 64
    block_k: int = 32
    threads: int = 128
    stages: int = 3
    splits: int = 1
    raster: int = 1

    def split(self, splits: int) -> Config:
        return replace(self, splits=splits)


def test_pipeline_and_accumulators_share_memory() -> None:
    problem = matmul("f16", (512, 512), (512, 512), transpose_b=True).problem
    stage = 2 * 64 * 32 * 2
    assert pipeline_bytes(problem, Config(), 16, swizzled=True) == max(3 * stage, 64 * 72 * 4)
    assert pipeline_bytes(problem, Config(stages=8), 16, swizzled=True) == 8 * stage
    assert pipeline_bytes(problem, Config(), 16, swizzled=True, groups=2) == 2 * 64 * 72 * 4
    assert Tiling.of(Config(), REFERENCE) == Tiling(64, 64, 32, 128, 3, 1, 1)


@given(st.integers(1, 4096), st.sampled_from([16, 32, 64]), st.integers(1, 16))
def test_an_even_split_gives_every_block_a_tile(k: int, block_k: int, splits: int) -> None:
    tiles = -(-k // block_k)
    share = -(-tiles // splits)
    shares = [max(0, min(share, tiles - block * share)) for block in range(splits)]
    assert splits_evenly(k, block_k, splits) == (min(shares) > 0)
    assert not splits_evenly(symbol("K"), block_k, splits)


def test_splits_are_tried_while_there_is_room() -> None:
    problem = matmul("f16", (128, 1024), (1024, 64), transpose_b=False).problem
    assert tiles_of(problem, 64, 64) == 2
    found = [config.splits for config in split_ways(problem, Config(), (2, 4, 8, 16, 32), room=16)]
    assert found == [1, 2, 4, 8]
    short = matmul("f16", (128, 64), (64, 64)).problem
    assert [config.splits for config in split_ways(short, Config(), (2, 4), room=999)] == [1]


def test_the_occupancy_is_bound_by_registers_and_memory() -> None:
    assert (
        resident_blocks(128, 128, 0, REFERENCE) == 4 and resident_blocks(128, 64, 100 << 10, REFERENCE) == 2
    )
    assert resident_blocks(1024, 255, 0, REFERENCE) == 1 and F32.bytes == 4
