"""Footprints: as sets of elements, one by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.memory.footprint import (
    Footprint,
    Grid,
    UndecidedFootprint,
    at_most,
    footprint,
    typical,
)
from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from hypothesis import given
from hypothesis import strategies as st

N = symbol("N")
RANGES = {"N": (0, 5)}


def touched(shape: Footprint, values: dict[str, int] | None = None) -> list[int]:
    """The elements that SHAPE lists, each as often as it does."""
    at = np.array(evaluate(shape.start, values or {}))
    for count, stride in shape.runs:
        at = at[..., None] + np.arange(evaluate(count, values or {})) * evaluate(stride, values or {})
    return sorted(at.ravel().tolist())


def elements(type: TensorType, start: Dim, values: dict[str, int]) -> list[int]:
    """The elements of an access to TYPE, by numpy."""
    at = np.array(evaluate(start + type.layout.offset, values))
    for size, stride in zip(type.shape, type.strides, strict=True):
        at = at[..., None] + np.arange(evaluate(size, values)) * evaluate(stride, values)
    return sorted(at.ravel().tolist())


@st.composite
def types(draw: st.DrawFn) -> TensorType:
    """Tensors of any strides, negative and overlapping ones too."""
    rank = draw(st.integers(0, 3))
    shape = draw(st.lists(st.sampled_from([1, 2, 3, N]), min_size=rank, max_size=rank))
    strides = draw(st.lists(st.integers(-4, 12), min_size=rank, max_size=rank))
    return TensorType(tuple(shape), F32, Layout((), tuple(strides), draw(st.integers(0, 40))))


@given(types(), st.integers(0, 9), st.integers(1, 5))
def test_a_footprint_is_the_elements_of_the_access(type: TensorType, start: int, n: int) -> None:
    found = footprint(type, start)
    assert found is not None
    want = elements(type, start, {"N": n})
    assert touched(found, {"N": n}) == want and evaluate(found.last, {"N": n}) == max(want)
    assert touched(found.at({"N": n})) == want


@given(types())
def test_an_injective_footprint_touches_nothing_twice(type: TensorType) -> None:
    found = footprint(type)
    assert found is not None
    try:
        injective = found.is_injective(RANGES)
    except UndecidedFootprint:
        return
    if injective:
        for n in range(1, 6):
            want = elements(type, 0, {"N": n})
            assert len(want) == len(set(want))


@pytest.mark.parametrize(
    ("type", "runs"),
    [
        (TensorType((2, 3, 4), F32), ((24, 1),)),  # dense ones are one run
        (TensorType((2, 3, 4, 5), F32, channels_last(4)), ((120, 1),)),
        (TensorType((2, 3), F32, Layout((), (8, 1))), ((2, 8), (3, 1))),
        (TensorType((N, 3), F32), ((3 * N, 1),)),
        (TensorType((2, 3), F32, Layout((), (1, 2))), ((6, 1),)),
        (TensorType((4, 1), F32, Layout((), (3, 99))), ((4, 3),)),
    ],
)
def test_runs_are_joined(type: TensorType, runs: tuple[tuple[Dim, Dim], ...]) -> None:
    found = footprint(type)
    assert found is not None and found.runs == runs


def test_an_empty_access_touches_nothing() -> None:
    assert footprint(TensorType((3, 0), F32)) is None
    repeated = footprint(TensorType((3, 4), F32, Layout((), (0, 1))))
    assert repeated is not None and not repeated.is_injective({})


# ---------------------------------------------------------------- boxes


WIDTH = 12
Part = tuple[int, int, int, int]  # first row, rows, first column, columns


@st.composite
def parts(draw: st.DrawFn) -> Part:
    row, column = draw(st.integers(0, 5)), draw(st.integers(0, WIDTH - 1))
    return row, draw(st.integers(1, 4)), column, draw(st.integers(1, WIDTH - column))


def shape_of(part: Part) -> Footprint:
    row, rows, column, columns = part
    found = footprint(TensorType((rows, columns), F32, Layout((), (WIDTH, 1))), row * WIDTH + column)
    assert found is not None
    return found


@given(st.lists(parts(), min_size=2, max_size=5))
def test_boxes_are_disjoint_and_covered_as_their_elements_are(found: list[Part]) -> None:
    whole = shape_of((0, 1, 0, WIDTH))
    shapes = [shape_of(part) for part in found]
    grid = Grid([*shapes, whole, shape_of((0, 2, 0, 1))], {})
    boxes, sets = [grid.box(shape) for shape in shapes], [set(touched(shape)) for shape in shapes]
    for (a, one), (b, other) in itertools.combinations(zip(boxes, sets, strict=True), 2):
        assert grid.disjoint(a, b) == one.isdisjoint(other)
    assert grid.covered(boxes[0], boxes[1:]) == (sets[0] <= set().union(*sets[1:]))
    assert grid.covered(boxes[0], boxes)


@given(parts(), st.sampled_from([2, 3]))
def test_a_hull_is_around_any_strides(part: Part, step: int) -> None:
    row, rows, column, columns = part
    sparse = footprint(TensorType((rows, columns), F32, Layout((), (WIDTH * step, 1))), row * WIDTH + column)
    assert sparse is not None
    grid = Grid([shape_of((0, 2, 0, WIDTH)), shape_of((0, 2, 0, 1))], {})
    (low, high), *_ = grid.hull(sparse)
    assert all(low * WIDTH <= at < high * WIDTH for at in touched(sparse))  # type: ignore[operator]


def test_symbols_decide_where_their_ranges_do() -> None:
    """Rows 0 to N of a buffer, and the rows behind them."""

    def rows(first: Dim, count: Dim) -> Footprint:
        found = footprint(TensorType((count, WIDTH), F32), first * WIDTH)
        assert found is not None
        return found

    upper, lower, third = rows(0, N), rows(N, 2), rows(3, 2)
    grid = Grid([upper, lower, third, shape_of((0, 2, 0, 1))], RANGES)
    boxes = [grid.box(shape) for shape in (upper, lower, third)]
    assert grid.disjoint(boxes[0], boxes[1]) and grid.in_row(boxes[:2], 0)
    with pytest.raises(UndecidedFootprint):
        grid.disjoint(boxes[0], boxes[2])
    assert not grid.in_row([boxes[0], boxes[2]], 0)
    assert grid.covered(boxes[1], [grid.box(rows(0, N + 2))])


def test_writes_without_common_coordinates_are_undecided() -> None:
    one, other = (Footprint(0, ((2, step), (2, 1))) for step in (5, 7))
    with pytest.raises(UndecidedFootprint):
        Grid([one, other], {})
    grid = Grid([Footprint(0, ((2, 8), (8, 1)))], {})
    with pytest.raises(UndecidedFootprint):
        grid.box(Footprint(4, ((8, 1),)))  # it reaches over the edge of a row


@pytest.mark.parametrize(
    ("a", "b", "found"), [(3, 4, True), (5, 4, False), (N, N + 1, True), (N + 6, 5, False), (N, 3, None)]
)
def test_comparisons(a: Dim, b: Dim, found: bool | None) -> None:
    if found is None:
        with pytest.raises(UndecidedFootprint):
            at_most(a, b, RANGES)
    else:
        assert at_most(a, b, RANGES) == found


def test_strides_are_sorted_at_a_large_size() -> None:
    strides: list[Any] = [N, 7, 3 * N, floordiv(N, 2), 1]
    assert sorted(strides, key=typical, reverse=True) == [3 * N, N, floordiv(N, 2), 7, 1]
