"""The spec of attention of few queries, and kernels kept as text."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.families.attention_few.config import FewQueriesConfig, shared_bytes
from glassrt.codegen.families.attention_few.spec import TEMPLATE, FewQueriesSpec, few_queries_spec, launch
from glassrt.codegen.request.signature import make_signature
from glassrt.codegen.text.render import render

from .checked import problem_of, request_of
from .grouped import Grouped

CASES = {
    "decode": (Grouped(batch=1, heads=8, keys=2049), FewQueriesConfig(4, 8, 4, 8)),
    "masked": (Grouped(group=3, queries=2, keys=96, masked=True), FewQueriesConfig(4, 4, 2, 1)),
}


def spec_of(name: str) -> FewQueriesSpec:
    grouped, config = CASES[name]
    request = request_of(grouped.module())
    problem, rows = problem_of(grouped.module())
    return few_queries_spec(request, problem, rows, config, make_signature(request))


@pytest.mark.parametrize("name", CASES)
def test_kernels_are_pinned(name: str, golden: Any) -> None:
    assert render(TEMPLATE, spec_of(name)) == golden.at(f"{name}.cu")


def test_what_a_cluster_exchanges_lies_behind_what_a_block_has() -> None:
    spec, (grouped, config) = spec_of("decode"), CASES["decode"]
    problem, rows = problem_of(grouped.module())
    assert spec.sent_bytes == 4 * 64 * 4 + 8 * 4 * 8
    assert spec.ends_offset == shared_bytes(problem, rows, config)  # there is no mask
    assert launch(problem, rows, config).grid == (8, 8, 1)


def test_steps_of_exchanges_cover_a_warp() -> None:
    spec = spec_of("decode")
    assert (*spec.lane_steps, *spec.group_steps) == (1, 2, 4, 8, 16)
    assert spec.checks_keys and spec.several
