"""Configurations of persistent attention: what fits a block, and what ptxas makes of it."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from glassrt.codegen.families.attention.problem import AttentionProblem
from glassrt.codegen.families.attention_persistent.config import (
    PersistentAttentionConfig,
    depth_step,
    illegal,
    panels,
    shapes,
    shared_bytes,
    width_of,
)
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.dialects.core.dtypes import BF16, F16

from ...attention_cases import Shape, module_of
from ...contraction_cases import TARGET
from ...one_kernel import plan_of
from .checked import problem_of, taking

ROOM = TARGET.shared_bytes
CONFIG = PersistentAttentionConfig(2, 128, 2, 2)
BIG = Shape(heads=12, queries=512, keys=512, depth=128, width=128)


def small() -> AttentionProblem:
    return problem_of(replace(BIG, depth=64, width=64))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"groups": 4}, "no such warpgroups"),
        ({"keys": 72}, "no such warpgroups"),
        ({"stages": 1}, "no such stages"),
        ({"query_stages": 3}, "no such stages"),
        ({"groups": 1, "keys": 208}, "more registers"),
        ({"groups": 3, "keys": 160}, "more registers"),
        ({"stages": 3, "keys": 208, "groups": 2, "query_stages": 2}, None),
        ({"groups": 3}, None),
        ({}, None),
    ],
)
def test_what_is_legal(changed: dict[str, int], reason: str | None) -> None:
    found = illegal(small(), replace(CONFIG, **changed), ROOM)
    assert found == reason if reason is None else reason in str(found)


def test_masks_take_registers() -> None:
    masked = problem_of(replace(BIG, depth=64, width=64, mask=(2, 1, 512, 512), mask_dtype=F16))
    assert (
        illegal(masked, replace(CONFIG, groups=3), ROOM)
        == "scores, weights and accumulators need more registers"
    )
    assert illegal(masked, replace(CONFIG, keys=176), ROOM) is None


def test_shared_memory() -> None:
    queries, keys, values = 2 * 128 * 256, 2 * 128 * 256, 2 * 128 * 256
    assert shared_bytes(problem_of(BIG), CONFIG) == queries + keys + values + (2 * 2 + 4 * 2 + 2) * 8
    assert illegal(problem_of(BIG), replace(CONFIG, stages=3), ROOM) == "not enough shared memory"
    assert (panels(64), panels(65), panels(24)) == (1, 2, 1)
    assert (width_of(24), width_of(64), width_of(72)) == (32, 64, 80)
    assert (depth_step(8), depth_step(16), depth_step(24)) == (32, 32, 16)


def test_all_shapes_are_legal_and_queries_wait_where_there_is_room() -> None:
    for problem in (small(), problem_of(BIG)):
        found = list(shapes(problem, ROOM))
        assert found and all(illegal(problem, config, ROOM // config.resident) is None for config in found)
        assert len({(config.groups, config.keys) for config in found}) == len(found)
    assert {config.query_stages for config in shapes(problem_of(BIG), ROOM)} == {1, 2}
    assert PersistentAttentionConfig(3, 128, 3, 2) in list(shapes(small(), ROOM))
    one_tile = replace(small(), keys=128)  # for which a third stage would stay empty
    assert PersistentAttentionConfig(3, 128, 2, 2) in list(shapes(one_tile, ROOM))


def test_no_registers_are_spilled_and_no_products_serialised() -> None:
    masked = replace(BIG, mask=(2, 1, 512, 512), mask_dtype=F16, attributes={"causal": True})
    narrow = replace(masked, keys=500, mask=(2, 1, 512, 500), depth=64, width=64, dtype=BF16)
    sources: dict[str, str] = {}
    plain = replace(narrow, mask=None, attributes={})
    few = Shape(keys=24, depth=16)  # columns of scores are past the last key, so that nobody reads them
    wide = replace(BIG, depth=256, width=256)
    causal = replace(wide, attributes={"causal": True})
    for shape, groups, keys in (
        (masked, 2, 128), (plain, 3, 128), (few, 1, 64), (wide, 2, 80), (causal, 2, 80),
        (replace(causal, mask=masked.mask, mask_dtype=F16), 2, 64),
    ):  # fmt: skip
        made = next(c for c in shapes(problem_of(shape), ROOM) if (c.groups, c.keys) == (groups, keys))
        sources |= plan_of(module_of(shape), taking(asdict(made))).sources
    compiled = compile_kernels(sources, "sm_90a", headers(), None)
    check_designed(compiled, dict.fromkeys(sources, "attention_persistent"))
    assert len(compiled) == 6
