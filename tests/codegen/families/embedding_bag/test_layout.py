"""How threads share bags of rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.embedding_bag.layout import (
    BagConfig,
    bags_of,
    blocks_of,
    items_of,
    lanes_of,
    longest,
)
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.dtypes import F32, I8
from glassrt.dialects.core.types import Layout, TensorType

from .bags import B, Case


def lanes(case: Case, strides: tuple[Dim, Dim] | None = None, offset: int = 0) -> int:
    request = case.request()
    if strides is not None:
        placed = [type.with_layout(Layout((), strides, offset)) for type in request.writes]
        request = replace(request, writes=tuple(placed))
    op = bags_of(request)
    assert op is not None
    return lanes_of(request, op)


def test_a_thread_takes_16_bytes_where_rows_and_results_begin_at_multiples_of_them() -> None:
    assert [lanes(Case(width=width)) for width in (16, 24, 20, 3)] == [8, 8, 4, 1]
    assert lanes(Case(table=I8, scaled=True)) == 16 and lanes(Case(table=F32, to=F32)) == 4
    # Results that are part of wider lines.
    assert [lanes(Case(), (stride, 1)) for stride in (64, 36, 17)] == [8, 4, 1]
    assert lanes(Case(), (64, 1), 2) == 2 and lanes(Case(), (16 * B, 1)) == 8


def test_items_fill_blocks_and_tables_have_blocks_of_their_own() -> None:
    request = Case((20, 3), 16, batch=100).request()
    op = bags_of(request)
    assert op is not None
    assert items_of(request, op) == 200  # two items of 8 numbers for each bag
    assert [blocks_of(request, op, BagConfig(128, parts, 1)) for parts in (1, 4)] == [2, 7]
    assert longest(request, op) == 20


def test_bags_with_offsets_count_as_twice_their_average() -> None:
    request = Case(ragged=True).request()
    op = bags_of(request)
    assert op is not None and longest(request, op) == 2 * 640 // 64


@pytest.mark.parametrize("strides", [(16, 2), (1, 64)])
def test_elements_of_results_lie_side_by_side(strides: tuple[int, int]) -> None:
    request = Case().request()
    apart = request.writes[0].with_layout(Layout((), strides, 0))
    assert bags_of(request) is not None and bags_of(replace(request, writes=(apart,))) is None


def test_tables_are_alike() -> None:
    request = Case((2, 2)).request()
    assert bags_of(request) is not None
    request.region.arguments[2].type = TensorType((6, 8), request.region.arguments[2].type.dtype)
    assert bags_of(request) is None
