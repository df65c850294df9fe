"""Bottlenecks as kernels see them, and which ones these are."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.bottleneck.block import leavings
from glassrt.codegen.families.bottleneck.config import BottleneckConfig
from glassrt.dialects.core.dtypes import F32, I8

from .blocks import Case, block_of


def test_sizes() -> None:
    block = block_of(Case((2, 9, 11), 72, 128, 192, 40))
    assert not isinstance(block, str), block
    own = block.extents
    assert (own.head.n, own.n, own.columns, own.block_n) == (128, 192, 40, 64)
    assert (own.head.lines, own.line, own.panels, own.residual) == (2, 128, 2, True)
    assert block.priced.head.images == 2
    alone = block_of(Case((2, 9, 11), 64, 96, 192, dtype=I8, residual=False))
    assert not isinstance(alone, str), alone
    assert (alone.extents.columns, alone.extents.line, alone.extents.panels) == (0, 96 // 3, 3)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case((2, 9, 9), 64, 72, 128, 64), "one product"),
        (Case((2, 9, 9), 12, 64, 128, 64), "16 bytes"),
        (Case((2, 9, 9), 64, 64, 128, 64, F32), "rounded"),
    ],
    ids=["columns", "channels", "f32"],
)
def test_what_it_is_not(case: Case, reason: str) -> None:
    assert reason in str(block_of(case))


def test_results_leave_in_chunks() -> None:
    block = block_of(Case((2, 9, 11), 64, 64, 256, 64, I8))
    assert not isinstance(block, str), block
    found = leavings(block, BottleneckConfig(2, 128, 2, 2))
    assert not isinstance(found, str), found
    assert [each.chunk for each in found.products] == [128, 64]
    assert found.head[1].interleave and all(each.b.interleave for each in found.products)
    assert found.products[0].b.line == 64 and found.products[1].b.line == 128
