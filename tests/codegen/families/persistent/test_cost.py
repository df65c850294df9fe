"""The cost model of persistent contractions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.persistent.config import PersistentConfig
from glassrt.codegen.families.persistent.cost import expected, microseconds

from ...contraction_cases import TARGET, conv, product

TEAMS = PersistentConfig(128, 128, 64, 1, 2, 5)
ONE = PersistentConfig(128, 128, 64, 2, 1, 5)


def large(k: int) -> float:
    return microseconds(product(4096, 4096, k), TEAMS, TARGET)


def test_time_grows_with_k() -> None:
    assert large(512) < large(1024) < large(4096)
    flops = 2 * 4096**3
    assert 400 < flops / large(4096) / 1e6 < 1000  # TFLOP/s of an H200


def test_teams_hide_the_epilogue() -> None:
    problem = product(65536, 1024, 64)
    assert microseconds(problem, TEAMS, TARGET) < microseconds(problem, ONE, TARGET)


def test_a_slower_epilogue_costs_more() -> None:
    problem = product(65536, 1024, 64)
    constants = TARGET.fitted.persistent
    slow = replace(constants, finish=constants.finish * 4)
    assert expected(problem, ONE, TARGET, slow) > expected(problem, ONE, TARGET, constants)


def test_less_than_memory_allows_is_never_expected() -> None:
    problem = product(2**20, 256, 64)
    moved = (2**20 * 64 + 2**20 * 256) * 2
    assert microseconds(problem, TEAMS, TARGET) > moved / TARGET.bytes_per_second * 1e6


def test_a_residual_costs_its_bytes() -> None:
    problem = product(2**20, 256, 64)
    with_residual = replace(problem, result_bytes=4)
    bytes_per_us = TARGET.bytes_per_second / 1e6
    apart = microseconds(with_residual, TEAMS, TARGET) - microseconds(problem, TEAMS, TARGET)
    assert apart == pytest.approx(2**20 * 256 * 2 / bytes_per_us, rel=0.2)


def test_clusters_load_less_and_wait_for_each_other() -> None:
    narrow = replace(TEAMS, block_n=64, buffers=2, stages=6)
    problem, clustered = product(65536, 64, 4096), replace(narrow, cluster=2)
    slow = replace(TARGET.fitted.persistent, shared_step=750.0)
    assert expected(problem, clustered, TARGET, slow) > expected(problem, narrow, TARGET, slow)
    free = replace(TARGET.fitted.persistent, shared_step=0.0)
    assert expected(problem, clustered, TARGET, free) < expected(problem, narrow, TARGET, free)
    small = product(256, 64, 64)
    assert expected(small, clustered, TARGET, free) > expected(small, narrow, TARGET, free)


def test_taps_that_are_no_whole_lines_of_the_cache_want_large_tiles() -> None:
    large = PersistentConfig(256, 128, 64, 2, 1, 4, buffers=2)
    teams = replace(TEAMS, stages=6, buffers=2)
    whole, astride = (
        conv("f16", (128, channels, 28, 28), (128, channels, 3, 3), pad=1).problem for channels in (128, 96)
    )
    assert microseconds(whole, teams, TARGET) < microseconds(whole, large, TARGET)
    assert microseconds(astride, teams, TARGET) > microseconds(astride, large, TARGET)
    shared = replace(large, cluster=2)
    assert microseconds(astride, shared, TARGET) > microseconds(astride, large, TARGET)


def test_blocks_crowd_around_a_small_operand_that_none_keeps() -> None:
    few = replace(TEAMS, block_n=64, buffers=2, stages=6)
    for k, least, most in ((16, 1.3, 2.5), (1024, 0.95, 1.1)):
        problem, kept = product(2**20, 64, k), replace(few, kept=-(-k // 64))
        ratio = microseconds(problem, few, TARGET) / microseconds(problem, kept, TARGET)
        assert least < ratio < most


def test_bulk_stores_cost_threads_less() -> None:
    problem = product(65536, 1024, 64)
    bulk = replace(ONE, stages=4, buffers=4)
    assert microseconds(problem, bulk, TARGET) < microseconds(problem, ONE, TARGET)


def test_a_block_that_keeps_all_columns_of_a_tile_is_as_late_as_if_all_had_them() -> None:
    """24 to 144 channels, 128 images of 56 x 56, on an H200: 40.4 us in whole rows, 59.7 in columns of 96."""
    problem = product(401408, 144, 24)
    whole = replace(TEAMS, block_m=64, block_n=192, block_k=32, stages=8, depth=64, buffers=4, kept=1)
    parts = replace(whole, block_m=128, block_n=96)
    assert 1.1 < microseconds(problem, parts, TARGET) / microseconds(problem, whole, TARGET) < 1.5
    even = product(401408, 192, 24)  # two tiles of 96 columns
    assert microseconds(even, parts, TARGET) == pytest.approx(microseconds(even, whole, TARGET), rel=0.05)
