"""Shapes without, with, and apart at axes that only a run knows: as for axes that are numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import prod

import pytest
from glassrt.compiler.frontend.axes import AxesAtRun, axis_ranges
from glassrt.compiler.frontend.builder import Builder
from glassrt.compiler.frontend.call import Call
from glassrt.compiler.frontend.external import ExternalFiles
from glassrt.compiler.frontend.frame import Frame
from glassrt.compiler.frontend.subgraphs import Subgraphs
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.constraints import broken, with_derived
from glassrt.dialects.core.module import Function, Module, SymbolRange
from onnx import NodeProto

SHAPE = (2, 3, 4)
GIVEN = [row for count in (1, 2, 3) for row in permutations(range(-3, 3), count)]
DISTINCT = [row for row in GIVEN if len({axis % 3 for axis in row}) == len(row)]


class Told:
    """Axes a0, a1 and so on of a tensor of RANK dimensions, and what sizes are for values of them."""

    def __init__(self, count: int, rank: int) -> None:
        self.module = Module()
        names = [f"a{place}" for place in range(count)]
        self.module.symbols = {name: SymbolRange(-rank, 0, rank - 1) for name in names}
        self.module.contents = {"axes": tuple(map(symbol, names))}
        function = self.module.add(Function("main"))
        builder = Builder(self.module, function.block, ExternalFiles(None))
        subgraphs = Subgraphs(lambda nodes, frame: None, builder, [], Frame({}), "")
        call = Call(NodeProto(), [], builder, subgraphs)
        self.axes = AxesAtRun.of(call, list(map(symbol, names)), rank)

    def at(self, dims: Sequence[Dim], values: Sequence[int]) -> list[int]:
        known = {f"a{place}": value for place, value in enumerate(values)}
        known = with_derived(self.module.derived, known)
        assert broken(self.module.constraints, known) is None
        return [evaluate(dim, known) for dim in dims]


@pytest.mark.parametrize("values", DISTINCT, ids=str)
def test_what_axes_do_to_a_shape(values: tuple[int, ...]) -> None:
    told, places = Told(len(values), 3), [value % 3 for value in values]
    assert told.at([told.axes.has(axis) for axis in range(3)], values) == [int(a in places) for a in range(3)]
    assert told.at(told.axes.without(SHAPE), values) == [SHAPE[a] for a in range(3) if a not in places]
    assert told.at(told.axes.ones_at(SHAPE), values) == [1 if a in places else SHAPE[a] for a in range(3)]
    sizes = [10 + place for place in range(len(values))]
    found = told.at(told.axes.spread(sizes, [7, 8, 9]), values)
    assert found == [sizes[places.index(a)] if a in places else 7 + a for a in range(3)]


@pytest.mark.parametrize("values", DISTINCT, ids=str)
def test_axes_apart_are_every_second_dimension(values: tuple[int, ...]) -> None:
    told, places = Told(len(values), 3), {value % 3 for value in values}
    apart = told.at(told.axes.apart(SHAPE), values)
    assert apart[1::2] == [size if axis in places else 1 for axis, size in enumerate(SHAPE)]
    assert apart[::2] == [1 if axis in places else size for axis, size in enumerate(SHAPE)]


@pytest.mark.parametrize("value", range(-3, 3))
def test_what_is_around_an_axis(value: int) -> None:
    told, axis = Told(1, 3), value % 3
    want = [prod(SHAPE[:axis]), SHAPE[axis], prod(SHAPE[axis + 1 :])]
    assert told.at(told.axes.around(SHAPE), [value]) == want


@pytest.mark.parametrize("values", [(0, 1), (1, 0), (-1, 0), (2, -4), (3, 1)], ids=str)
def test_axes_inserted_into_a_shape(values: tuple[int, int]) -> None:
    told, rest = Told(2, 4), iter((5, 6))
    want = [1 if axis in {value % 4 for value in values} else next(rest) for axis in range(4)]
    assert told.at(told.axes.inserted_into([5, 6]), values) == want


def test_axes_are_distinct_and_inside() -> None:
    told = Told(2, 3)
    for values in ((0, -3), (1, 1)):
        known = with_derived(told.module.derived, {"a0": values[0], "a1": values[1]})
        assert "distinct" in broken(told.module.constraints, known).why  # type: ignore[union-attr]


def test_spans_of_axes_are_distinct_where_they_can_be() -> None:
    assert [(span.low, span.usual, span.high) for span in axis_ranges(3, 2)] == [(-3, 0, 2), (-3, 1, 2)]
    assert axis_ranges(0, 2) == []
