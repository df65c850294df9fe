"""Attention on scalar units."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.attention.simt import SIMT, SimtAttentionConfig
from glassrt.dialects.core.dtypes import F32

from ...attention_cases import Shape
from ..attention_persistent.checked import problem_of
from .checked import CASES, DEVICES, check, taking


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_single_precision_agrees_with_the_interpreter(name: str, device: str) -> None:
    check(replace(CASES[name], dtype=F32), device=device)


def test_it_takes_heads_of_moderate_size() -> None:
    for features, taken in ((128, True), (136, False)):
        assert SIMT.holds(problem_of(Shape(depth=features)), SimtAttentionConfig(2, 4)) == taken


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_single_precision_configurations(rows: int, device: str) -> None:
    shape = Shape(batch=1, heads=2, queries=70, keys=90, mask=(1, 1, 1, 90), dtype=F32)
    check(shape, taking(SimtAttentionConfig(rows, 4)), device)
