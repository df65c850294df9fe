"""Configurations of persistent contractions: what fits a block, and what ptxas makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.persistent.config import (
    PersistentConfig,
    clusters_of,
    columns_of,
    illegal,
    keepable,
    misfit,
    shapes,
)
from glassrt.codegen.families.persistent.depth import block_k_of, panels_of
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.dialects.core.affine import symbol

from ...contraction_cases import TARGET, Case, conv, matmul, persistent_kernel_of

CONFIG = PersistentConfig(128, 128, 64, 2, 1, 4)
ROOM = TARGET.shared_bytes
CASES = {
    "window": conv("f16", (8, 256, 14, 14), (256, 256, 3, 3), pad=1),
    "one_tile_of_k": matmul("f16", (4096, 64), (256, 64), transpose_b=True),
    "integers": matmul("i8", (512, 512), (512, 512), out="i32", transpose_b=True),
}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"block_m": 96}, "does not divide into wgmma"),
        ({"block_n": 80}, "does not divide into wgmma"),
        ({"groups": 1, "teams": 2, "block_n": 256}, "too many accumulators"),
        ({"stages": 2}, "too few stages"),
        ({"groups": 4}, "two or three warpgroups"),  # threads would wait for registers that there are not
        ({"groups": 1}, "two or three warpgroups"),
        ({"block_m": 192, "block_n": 256, "groups": 3}, "too many accumulators"),
        ({"groups": -1, "teams": -2}, "not positive"),
        ({"raster": 0}, "not positive"),
        ({"stages": 8}, "not enough shared memory"),
        ({"buffers": 1}, "while the next one"),
        ({"cluster": 2}, "whose results leave in bulk"),
        ({"cluster": 4, "buffers": 2}, "of two blocks"),
        ({"buffers": 8}, "not enough shared memory"),
        ({"kept": 16}, "not enough shared memory"),
        ({"kept": 2, "raster": 8}, "tiles of the same columns"),
        ({"kept": 2, "buffers": 2, "cluster": 2}, "shares none"),
    ],
    ids=str,
)
def test_what_is_illegal_is_said(changed: dict[str, int], reason: str) -> None:
    assert illegal(CONFIG, ROOM) is None
    found = illegal(replace(CONFIG, **changed), ROOM)
    assert found is not None and reason in found


def test_tiles_that_do_not_fit_the_operands() -> None:
    across = matmul("f16", (512, 512), (512, 512)).problem
    assert misfit(across, CONFIG) is None
    clustered = replace(CONFIG, buffers=2, cluster=2)
    assert misfit(across, clustered) is None
    for odd in (replace(CONFIG, block_n=96), replace(clustered, block_n=64)):
        assert "lines of 64 elements" in (misfit(across, odd) or "")
    assert misfit(across, replace(CONFIG, block_k=32)) == "a stage has the lines of k that fit its taps"


def test_what_is_kept_is_all_that_a_block_needs_of_b() -> None:
    problem = matmul("f16", (4096, 136), (256, 136), transpose_b=True).problem
    assert keepable(problem) == 3 and misfit(problem, replace(CONFIG, kept=3)) is None
    wide = matmul("f16", (4096, 136), (2048, 136), transpose_b=True).problem
    for other, kept in ((problem, 2), (wide, 3)):
        assert "all of B's rows" in (misfit(other, replace(CONFIG, kept=kept)) or "")
    batched = matmul("f16", (4, 512, 64), (4, 64, 64), transpose_b=True).problem
    deep = matmul("f16", (512, symbol("K")), (64, symbol("K")), transpose_b=True, sizes={"K": 64}).problem
    assert keepable(batched) == keepable(deep) == 0


def test_as_many_blocks_keep_each_column() -> None:
    problem = matmul("f16", (40960, 64), (640, 64), transpose_b=True).problem
    config = replace(CONFIG, kept=1)
    assert columns_of(problem, config) == 5
    assert clusters_of(problem, config, 132) == 130 and clusters_of(problem, CONFIG, 132) == 132


def test_clusters_share_whole_lines() -> None:
    """Two lines of 64 bytes are as deep as one of 128, but each has copies of its own."""
    problem = conv("f16", (8, 32, 30, 30), (128, 32, 2, 2)).problem
    config = replace(CONFIG, block_k=block_k_of(problem), buffers=2)
    assert panels_of(problem) == 2 and misfit(problem, config) is None
    assert "whole lines" in (misfit(problem, replace(config, cluster=2)) or "")
    assert all(each.cluster == 1 for each in shapes(problem, ROOM, 2))


@pytest.mark.parametrize("name", CASES)
def test_shapes_have_as_many_stages_as_fit(name: str) -> None:
    problem = CASES[name].problem
    found = [*shapes(problem, ROOM), *shapes(problem, ROOM, 2)]
    assert len(set(found)) == len(found)
    assert sum(config.cluster == 1 and not config.kept for config in found) == 30
    assert any(config.kept for config in found) == (name != "window")  # which has 36 tiles of k
    assert any(config.cluster > 1 for config in found) == (problem.m > 64)
    for config in found:
        assert illegal(config, ROOM) is None and misfit(problem, config) is None
        more = replace(config, stages=config.stages + 1)
        assert config.stages == 8 or illegal(more, ROOM) is not None
        lines = config.stages * config.block_m + (config.kept or config.stages) * config.block_n
        assert config.shared_bytes > lines * config.block_k * problem.a.bytes


@pytest.mark.parametrize("name", CASES)
def test_kernels_neither_spill_nor_lose_their_registers(name: str) -> None:
    case: Case = CASES[name]
    found = [config for config in shapes(case.problem, ROOM) if not config.kept]
    sources = {
        f"k{number}": persistent_kernel_of(case, config, f"k{number}").source
        for number, config in enumerate((found[0], found[2], found[-1]))
    }
    assert [found[0].warpgroups, found[2].warpgroups] == [2, 3]
    kernels = compile_kernels(sources, "sm_90a", headers(), None)
    check_designed(kernels, dict.fromkeys(sources, "contraction_persistent"))


def test_long_products_want_stages_before_buffers() -> None:
    long = matmul("f16", (4096, 2048), (512, 2048), transpose_b=True).problem
    short = matmul("f16", (4096, 256), (512, 256), transpose_b=True).problem
    for problem, enough in ((long, True), (short, False)):
        found = {(c.block_m, c.block_n): c for c in shapes(problem, ROOM, 4) if c.cluster == 1 and not c.kept}
        wide, wider = found[192, 128], found[192, 192]
        assert (wide.stages, wide.buffers) == ((4, 2) if enough else (3, 4))
        assert (wider.stages, wider.buffers) == (3, 3)  # no room for more of either
