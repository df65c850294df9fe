"""Configurations of products of few rows: what fits a block, and what ptxas makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.gemv.config import (
    GemvConfig,
    blocks_of,
    blocks_of_one,
    illegal,
    shapes,
    shared_bytes,
    shared_layout,
)
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels

from ...contraction_cases import TARGET, gemv_kernel_of, matmul, product

CONFIG = GemvConfig(8, 2, 4)
PROBLEM = product(1, 4096, 1024)
SMALL = replace(TARGET, limits=replace(TARGET.limits, shared_per_block=2**14))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"block_m": 32}, "does not divide into mma"),
        ({"tiles": 3}, "does not divide into mma"),
        ({"warps": 33}, "too many warps"),
        ({"splits": 0}, "too many warps, or none"),
        ({"splits": 3}, "in a cluster alone"),
        ({"splits": 16, "block_m": 16}, "in a cluster alone"),
        ({"block_m": 16, "tiles": 4, "warps": 16}, "not enough registers"),
        ({"tiles": 1, "warps": 16, "block_m": 16, "splits": 4}, "not enough shared memory"),
    ],
    ids=str,
)
def test_what_is_illegal_is_said(changed: dict[str, int], reason: str) -> None:
    assert illegal(PROBLEM, CONFIG, SMALL) is None
    found = illegal(PROBLEM, replace(CONFIG, **changed), SMALL)
    assert found is not None and reason in found


def test_a_split_has_k_of_its_own() -> None:
    assert illegal(product(1, 64, 256), replace(CONFIG, splits=4), TARGET) is None
    assert illegal(product(1, 64, 192), replace(CONFIG, splits=4), TARGET) == "a split of k would be empty"


def test_blocks_share_k_only_where_there_are_clusters() -> None:
    assert {config.splits for config in shapes(PROBLEM, TARGET)} > {1}
    assert {config.splits for config in shapes(PROBLEM, arch_named("sm_80"))} == {1}


def test_bulk_copies_fill_the_shared_memory_of_the_blocks_of_a_multiprocessor() -> None:
    found = list(shapes(PROBLEM, TARGET, bulk=True))
    assert found and all(config.stages > 0 for config in found)
    large = product(1, 4096, 16384)
    for config in shapes(large, TARGET, bulk=True):
        own, limits = min(blocks_of_one(large, config, TARGET), 2), TARGET.limits
        more = replace(config, stages=config.stages + 1)
        assert limits.blocks_by_shared(shared_bytes(large, config, TARGET)) >= own
        assert config.stages == 8 or limits.blocks_by_shared(shared_bytes(large, more, TARGET)) < own
    assert {config.stages for config in shapes(PROBLEM, TARGET)} == {0}


def test_bulk_copies_are_those_of_hopper() -> None:
    config = replace(CONFIG, stages=2)
    assert illegal(PROBLEM, config, TARGET) is None
    assert illegal(PROBLEM, config, arch_named("sm_80")) == "no bulk copies"


def test_blocks_of_a_launch_and_of_a_multiprocessor() -> None:
    problem = product(1, 4096, 4096)
    few, many = (GemvConfig(8, 2, 4, splits, 2) for splits in (1, 2))
    assert blocks_of(problem, few) == 128 and blocks_of_one(problem, few, TARGET) == 1
    assert blocks_of(problem, many) == 256 and blocks_of_one(problem, many, TARGET) == 2


def test_blocks_take_turns_where_there_are_more_tiles_than_multiprocessors() -> None:
    large = product(1, 32768, 1024)
    found = [config for config in shapes(large, TARGET, bulk=True) if config.turns > 1]
    assert found
    for config in found:
        assert config.splits == 1 and blocks_of_one(large, config, TARGET) == 1
        memory = shared_layout(large, config)
        assert memory.sums_at == config.warps * config.stages * memory.stage_bytes
    assert all(config.turns == 1 for config in shapes(PROBLEM, TARGET, bulk=True))
    several = replace(found[0], splits=2)
    assert "share nothing" in str(illegal(large, several, TARGET))


def test_rows_make_the_tile() -> None:
    assert {config.block_m for config in shapes(PROBLEM, TARGET)} == {8}
    assert {config.block_m for config in shapes(product(9, 4096, 1024), TARGET)} == {16}


def test_kernels_do_not_spill() -> None:
    case = matmul("f16", (16, 1000), (72, 1000), transpose_b=True)
    configs = (
        GemvConfig(16, 4, 8),
        GemvConfig(16, 1, 16),
        GemvConfig(16, 2, 4, splits=4),
        GemvConfig(8, 2, 8, splits=2),
        GemvConfig(16, 4, 4, stages=3),
        GemvConfig(8, 4, 8, splits=2, stages=1),
        GemvConfig(16, 4, 8, stages=2, turns=2),
    )
    sources = {
        f"k{number}": gemv_kernel_of(case, config, f"k{number}").source
        for number, config in enumerate(configs)
    }
    kernels = compile_kernels(sources, "sm_90a", headers(), None)
    check_designed(kernels, dict.fromkeys(sources, "contraction_gemv"))
