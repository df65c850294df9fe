"""Configurations of products with packed weights: what fits a block, and what ptxas makes of it."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.packed.config import (
    PackedConfig,
    blocks_of_one,
    illegal,
    resident,
    shapes,
    shared_bytes,
)
from glassrt.codegen.families.packed.family import PackedFamily
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.text.render import Identifier, render
from glassrt.dialects.graph.block_format import BlockFormat

from .packed_cases import packed_of, request_of

FORM, CONFIG = BlockFormat(4, 32, 16, False), PackedConfig(8, 4, 4)
PROBLEM = packed_of(FORM, 1, 4096, 4096).problem


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"block_m": 32}, "does not divide into mma"),
        ({"tiles": 3}, "does not divide into mma"),
        ({"tiles": 8, "block_m": 16}, "too many accumulators"),
        ({"warps": 40}, "too many warps"),
        ({"stages": 0}, "too many steps, or none"),
        ({"records": 16}, "too many steps, or none"),
        ({"splits": 3}, "in a cluster alone"),
        ({"warps": 8, "stages": 8}, "not enough shared memory"),
    ],
    ids=str,
)
def test_what_is_illegal_is_said(changed: dict[str, int], reason: str) -> None:
    assert illegal(PROBLEM, FORM, CONFIG, REFERENCE) is None
    found = illegal(PROBLEM, FORM, replace(CONFIG, **changed), REFERENCE)
    assert found is not None and reason in found


def test_a_split_has_k_of_its_own() -> None:
    short = packed_of(FORM, 1, 64, 384).problem
    assert illegal(short, FORM, replace(CONFIG, splits=2), REFERENCE) is None
    assert illegal(short, FORM, replace(CONFIG, splits=4), REFERENCE) == "a split of k would be empty"


def test_steps_fill_the_shared_memory_of_the_blocks_of_a_multiprocessor() -> None:
    found = list(shapes(PROBLEM, FORM, REFERENCE))
    assert {config.splits for config in found} == {1, 2, 4, 8}
    for config in found:
        own, limits = min(blocks_of_one(PROBLEM, config, REFERENCE), 2), REFERENCE.limits
        assert limits.blocks_by_shared(shared_bytes(PROBLEM, FORM, config, REFERENCE)) >= own
        assert resident(PROBLEM, FORM, config, REFERENCE) >= 1
        assert config.stage_bytes(FORM) % 128 == 0


def test_rows_that_leave_no_room_for_two_blocks_have_one() -> None:
    large = packed_of(FORM, 16, 8192, 28672).problem
    assert {config.splits for config in shapes(large, FORM, REFERENCE)} == {8}


def test_kernels_do_not_spill() -> None:
    wide, deep = BlockFormat(4, 16, 32, True), BlockFormat(8, 64, 16, True)
    sources = {}
    for form, config in ((wide, PackedConfig(16, 4, 8)), (deep, PackedConfig(8, 8, 8, 2))):
        name = f"k{len(sources)}"
        code = PackedFamily().realize(request_of(form, config.block_m, 1000, 4096), asdict(config))
        sources[name] = render(code.template, replace(code.spec, name=Identifier(name)))
    kernels = compile_kernels(sources, "sm_90a", headers(), None)
    check_designed(kernels, dict.fromkeys(sources, "contraction_packed"))
