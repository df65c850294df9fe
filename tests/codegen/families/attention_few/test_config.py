"""Configurations of attention of few queries: which are legal, and what their blocks need."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.attention_few.config import (
    FewQueriesConfig,
    illegal,
    lanes_of,
    shapes,
    shared_bytes,
    tile_keys,
)
from glassrt.codegen.request.request import Candidate

from ...attention_cases import Shape, module_of
from ...contraction_cases import TARGET
from ...one_kernel import plan_of
from .checked import problem_of
from .grouped import Grouped

LEGAL = FewQueriesConfig(4, 4, 2, 2)


@pytest.mark.parametrize(("depth", "width", "lanes"), [(64, 64, 8), (128, 64, 16), (80, 80, 16), (16, 8, 2)])
def test_threads_of_a_key_are_a_power_of_two(depth: int, width: int, lanes: int) -> None:
    problem, _ = problem_of(module_of(Shape(queries=1, depth=depth, width=width)))
    assert lanes_of(problem) == lanes
    assert tile_keys(problem, LEGAL) == 128 // lanes * 2


@pytest.mark.parametrize(
    ("config", "legal"),
    [
        (LEGAL, True),
        (replace(LEGAL, rows=3), False),
        (replace(LEGAL, rows=8), False),
        (replace(LEGAL, keys=3), False),
        (replace(LEGAL, warps=64), False),
        (replace(LEGAL, rows=1, warps=1), False),  # what blocks send would begin within 16 bytes
        (replace(LEGAL, splits=32), False),
        (replace(LEGAL, splits=1), True),
    ],
    ids=str,
)
def test_what_is_legal(config: FewQueriesConfig, legal: bool) -> None:
    problem, rows = problem_of(Grouped().module())
    assert (illegal(problem, rows, config, TARGET) is None) is legal
    assert (config in list(shapes(problem, rows, TARGET))) is legal


def test_without_clusters_blocks_share_no_keys() -> None:
    problem, rows = problem_of(Grouped(keys=4096).module())
    assert {config.splits for config in shapes(problem, rows, arch_named("sm_80"))} == {1}


def test_shared_memory_of_a_launch_is_that_of_its_configuration() -> None:
    module = Grouped(masked=True).module()
    problem, rows = problem_of(module)
    plan = plan_of(module, lambda request: Candidate("attention_few", vars(LEGAL), 1.0))
    assert f"shared = {shared_bytes(problem, rows, LEGAL)}" in plan.ir("launch")
