"""A problem divided by a configuration: blocks, tiles of k, and bytes."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.contraction.tile import Tiling
from glassrt.codegen.families.contraction.work import ContractionLoad, Work

from ...contraction_cases import conv, matmul

WORK = Work(Tiling(64, 128, 32, 256, 3, 1, 1), resident=2, flops_per_clock=4096.0, shared_bytes=1.0, steps=2)


def test_the_load_of_a_product() -> None:
    problem = matmul("f16", (100, 512), (200, 512), transpose_b=True).problem
    load = ContractionLoad.of(problem, WORK)
    assert (load.blocks, load.k_tiles) == (2 * 2, 16)
    assert load.moved_bytes == 100 * 512 * 2 + 200 * 512 * 2 + 100 * 200 * 2
    assert (load.element_bytes, load.copy_bytes) == (2, 16)
    split = ContractionLoad.of(problem, replace(WORK, tiling=replace(WORK.tiling, splits=4)))
    assert (split.blocks, split.k_tiles) == (16, 4)
    assert WORK.accumulator_bytes == 64 * 128 * 4


def test_a_window_reads_its_image_once() -> None:
    problem = conv("f16", (2, 64, 8, 8), (128, 64, 3, 3), pad=1).problem
    load = ContractionLoad.of(problem, WORK)
    pixels = 2 * 8 * 8
    assert load.moved_bytes == pixels * 64 * 2 + 128 * 64 * 9 * 2 + pixels * 128 * 2
    assert load.k_tiles == 64 * 9 // 32 and load.blocks == 2
