"""The expected time of a contraction: bound by memory, by the units, or by latencies, whichever is most."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.axes import RowAxis, Window
from glassrt.codegen.families.contraction.cost import microseconds
from glassrt.codegen.families.contraction.mma import MMA
from glassrt.codegen.families.contraction.problem import as_priced
from glassrt.codegen.families.contraction.simt import SIMT
from glassrt.codegen.families.contraction.tile import Tiling
from glassrt.codegen.families.contraction.tile_product import TileProduct
from glassrt.codegen.families.contraction.wgmma import WGMMA
from glassrt.codegen.families.contraction.work import Work

from ...contraction_cases import matmul

TILING = Tiling(128, 128, 32, 256, 3, 1, 1)
WORK = Work(TILING, resident=2, flops_per_clock=4096.0, shared_bytes=16384.0, steps=2)
FIT = REFERENCE.fitted.contraction
LAUNCH = FIT.launch


def time(m: int, n: int, k: int, work: Work = WORK, bandwidth: float = 1.0) -> float:
    card = replace(REFERENCE.card, bytes_per_second=REFERENCE.card.bytes_per_second * bandwidth)
    problem = matmul("f16", (m, k), (n, k), transpose_b=True).problem
    return microseconds(problem, work, replace(REFERENCE, card=card), FIT) - LAUNCH


def test_more_work_takes_longer() -> None:
    times = [time(4096, 4096, k) for k in (512, 1024, 2048, 4096)]
    assert times == sorted(times) and times[0] > 0
    assert 1.6 < times[3] / times[2] < 2.1


def test_memory_bounds_what_is_thin() -> None:
    thin = (8192, 128, 64)
    assert time(*thin, bandwidth=0.01) > 10 * time(*thin)
    large = (4096, 4096, 4096)
    assert time(*large, bandwidth=10.0) > 0.8 * time(*large)


def test_a_slower_product_takes_longer_where_it_is_what_bounds() -> None:
    assert time(4096, 4096, 4096, replace(WORK, flops_per_clock=256.0)) > 5 * time(4096, 4096, 4096)


def test_a_split_pays_where_few_blocks_have_much_k() -> None:
    split = replace(WORK, tiling=replace(TILING, splits=8))
    assert time(128, 128, 16384, split) < time(128, 128, 16384)
    assert time(8192, 8192, 256, split) > time(8192, 8192, 256)


LONG = (RowAxis(64, 768), RowAxis(7, 24, Window(3, 2, 2, 2, 14, True)))  # of a part of a longer buffer


@pytest.mark.parametrize("product", [MMA, WGMMA, SIMT], ids=lambda product: product.name)
@pytest.mark.parametrize("change", [{}, {"a_offset": 4}, {"rows": LONG}, {"rows": LONG, "a_offset": 2}])
def test_a_tensor_is_priced_as_its_copy_in_a_longer_buffer(
    product: TileProduct[Any], change: dict[str, Any]
) -> None:
    problem = replace(matmul("f16", (448, 512), (256, 512), transpose_b=True).problem, **change)
    priced = as_priced(problem)
    assert priced != problem and priced.a_vector == problem.a_vector
    assert priced == as_priced(priced)
    wanted, found = (product.candidates(each, REFERENCE) for each in (problem, priced))
    assert wanted == found and wanted
    for config in wanted:
        assert product.cost(problem, config, REFERENCE) == product.cost(priced, config, REFERENCE)


def test_a_dilation_that_aligns_loads_still_counts() -> None:
    problem = matmul("f16", (448, 512), (256, 512), transpose_b=True).problem
    apart = replace(problem, rows=(RowAxis(448, 2, Window(3, 2, 2, 2, 448, True)),))
    assert apart.a_vector == 4 and as_priced(apart) == apart


def test_each_block_of_many_costs_instructions() -> None:
    """24 to 144 channels of an image of 56 x 56, on an H200: 8.1 us in blocks of 16 x 64, 2.3 in the best."""
    problem = matmul("f16", (3136, 24), (144, 24), transpose_b=True).problem
    best = MMA.candidates(problem, REFERENCE)[0]
    small = next(each for each in MMA.shapes(problem, REFERENCE) if (each.block_m, each.block_n) == (16, 64))
    assert MMA.cost(problem, small, REFERENCE) > 1.3 * MMA.cost(problem, best, REFERENCE)


def test_tiles_that_fill_the_pipeline_are_under_way_together() -> None:
    slow = replace(FIT, memory_latency=FIT.memory_latency * 100)
    waited = []
    for k in (64, 128):  # two tiles, which two of three stages hold, and four
        problem = matmul("f16", (128, k), (128, k), transpose_b=True).problem
        times = [microseconds(problem, WORK, REFERENCE, constants) for constants in (slow, FIT)]
        waited.append(times[0] - times[1])
    assert waited[0] == pytest.approx(0.0) and waited[1] > 1.0


def test_rows_follow_the_wait_for_the_launch_before_and_weights_do_not() -> None:
    problem = matmul("f16", (128, 4096), (128, 4096), transpose_b=True).problem
    slow = replace(FIT, row_bandwidth=1.0)
    low, high = (replace(WORK, tiling=replace(TILING, block_m=rows)) for rows in (32, 128))
    apart = [microseconds(problem, work, REFERENCE, slow) for work in (low, high)]
    assert apart[1] > 2 * apart[0]
    thin, wide = (replace(WORK, tiling=replace(TILING, block_n=columns)) for columns in (32, 128))
    apart = [microseconds(problem, work, REFERENCE, slow) for work in (thin, wide)]
    assert apart[1] < 1.1 * apart[0]
