"""Queries, keys and values as bulk copies see them: maps, coordinates, and what no map describes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.attention.problem import Operand
from glassrt.codegen.families.attention_persistent.operands import (
    BulkMatrix,
    bulk_matrix,
    bulk_matrix_spec,
)
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16

from ...attention_cases import Shape
from .checked import problem_of


def made(operand: Operand, rows: object = 24, extents: tuple[object, ...] = (2, 3)) -> BulkMatrix:
    found = bulk_matrix("k", operand, 16, rows, extents)  # type: ignore[arg-type]
    assert isinstance(found, BulkMatrix)
    return found


DENSE = Operand(1, F16, 0, (3 * 24 * 16, 24 * 16), 16, 1, 8)


def test_heads_one_behind_another_are_one_dimension() -> None:
    matrix = made(DENSE)
    map = matrix.map(64)
    assert (map.operand, map.dims, map.strides) == (1, (16, 24, 6), (32, 768))
    assert map.traversal.box == (64, 64, 1)
    assert bulk_matrix_spec(matrix, {}).batch == ("b0 * 3 + b1",)


def test_heads_that_lie_packed_in_one_buffer() -> None:
    problem = problem_of(Shape(batch=2, heads=3, queries=24, keys=24, heads_inside=True, packed=True))
    matrix = made(problem.v)
    assert matrix.map(64).dims == (2 * 48 + 16, 24, 3, 2)
    assert matrix.map(64).strides == (2 * 144, 2 * 16, 2 * 24 * 144)
    spec = bulk_matrix_spec(matrix, {})
    assert (spec.first, spec.batch, spec.dims, spec.panels) == ("96", ("b1", "b0"), 4, 1)


def test_broadcast_axes_are_no_dimensions() -> None:
    shared = made(replace(DENSE, batch=(24 * 16, 0)))
    assert shared.map(64).dims == (16, 24, 2) and bulk_matrix_spec(shared, {}).batch == ("b0",)


def test_sizes_may_be_symbols() -> None:
    t = symbol("T")
    matrix = made(replace(DENSE, batch=(t * 48, t * 16)), t, (symbol("N"), 3))
    assert matrix.map(64).dims == (16, t, symbol("N") * 3)


def test_a_single_row_has_a_stride_of_its_own() -> None:
    assert made(replace(DENSE, row=0), 1).map(64).strides == (32, 768)


@pytest.mark.parametrize(
    ("operand", "reason"),
    [
        (replace(DENSE, vector=4), "multiples of 16 bytes"),
        (replace(DENSE, row=0), "all rows are the same"),
        (replace(DENSE, batch=(3000 * 8, 24 * 16, 50000 * 8)), "too many dimensions"),
    ],
)
def test_what_no_map_describes(operand: Operand, reason: str) -> None:
    extents = (2, 3, 5)[: len(operand.batch)]
    assert reason in str(bulk_matrix("k", operand, 16, 24, extents))
