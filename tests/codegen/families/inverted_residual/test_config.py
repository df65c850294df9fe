"""Configurations of inverted residuals: what is legal, and what is worth trying."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.inverted_residual.config import configurations, illegal

from ...contraction_cases import TARGET
from .sizes import CONFIG, EXTENTS


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"threads": 512}, "blocks of so many threads"),
        ({"chunk": 24}, "whole steps"),
        ({"rows": 3}, "strips"),
        ({"pixels": 0}, "strips"),
        ({"kept": 2}, "weights stay"),
        ({"kept": 0, "chunk": 96}, "weights stay"),  # all of two chunks are there anyway
        ({"splits": 16}, "clusters"),
        ({"height": 64, "width": 64}, "accumulators"),
        ({"height": 16, "width": 16, "rows": 16, "pixels": 16}, "sums"),
    ],
    ids=str,
)
def test_what_is_illegal_is_said(changed: dict[str, int], reason: str) -> None:
    assert illegal(EXTENTS, CONFIG, TARGET) is None
    found = illegal(EXTENTS, replace(CONFIG, **changed), TARGET)
    assert found is not None and reason in found


def test_targets_without_clusters_have_none() -> None:
    target = arch_named("sm_80")
    assert illegal(EXTENTS, CONFIG, target) is None
    assert "clusters" in str(illegal(EXTENTS, replace(CONFIG, splits=3), target))
    one = replace(EXTENTS, images=1, batch=1)
    assert {config.splits for config in configurations(one, target)} == {1}


def test_clusters_are_for_few_tiles() -> None:
    assert {config.splits for config in configurations(EXTENTS, TARGET)} == {1}
    one = replace(EXTENTS, images=1, batch=1)
    found = list(configurations(one, TARGET))
    assert {config.splits for config in found} > {1, 3}
    assert all(illegal(one, config, TARGET) is None for config in found)
    # Each block of a cluster has channels.
    assert all((config.splits - 1) * config.chunk < one.channels for config in found)
