"""Sums of rows of tables: what they compute, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import F16, F32, I8, I64, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.embedding import EmbeddingBag
from glassrt.errors import GlassError

Shapes = list[tuple[tuple[int, ...], DType]]


def module_of(shapes: Shapes, **attributes: Any) -> Module:
    module = Module("m")
    function = module.add(Function("main", [f"x{at}" for at in range(len(shapes))]))
    operands = [function.block.add_argument(TensorType(*each)) for each in shapes]
    made = function.block.append(EmbeddingBag(*operands, **{"to": F32, **attributes}))
    function.block.append(Return(*made.results))
    function.outputs = [f"y{at}" for at in range(len(made.results))]
    return module


def run(arrays: list[np.ndarray[Any, Any]], shapes: Shapes, **attributes: Any) -> list[np.ndarray[Any, Any]]:
    given = {f"x{at}": array for at, array in enumerate(arrays)}
    return list(interpret(module_of(shapes, **attributes), given).values())


def test_bags_of_equal_length_of_a_quantized_table() -> None:
    table, indices = np.arange(12, dtype=np.int8).reshape(4, 3), np.array([[0, -1], [3, 9]])
    weights, scales = np.float32([[1, 2], [-1, 0.5]]), np.float32([0.5, 1, 1, 2])
    zeros = np.int8([1, 0, 0, 3])
    shapes: Shapes = [((4, 3), I8), ((2, 2), I64), ((2, 2), F32), ((4,), F32), ((4,), I8)]
    flags = {"weighted": True, "scaled": True, "shifted": True}
    (y,) = run([table, indices, weights, scales, zeros], shapes, **flags)
    first, last = (table[0] - 1.0) * 0.5, (table[3] - 3.0) * 2.0  # an index beyond the table is clamped
    assert np.array_equal(y, np.stack([first + 2 * last, -0.5 * last]))


@pytest.mark.parametrize("mode", ["sum", "mean"])
@pytest.mark.parametrize("closed", [False, True])
def test_bags_with_offsets(mode: str, closed: bool) -> None:
    table, indices = np.arange(8, dtype=np.float32).reshape(4, 2), np.array([3, 1, 2, 0, 1])
    offsets = np.array([0, 2, 2, 9, -3, *([4] if closed else [])])
    shapes: Shapes = [((4, 2), F32), ((5,), I64), (offsets.shape, I64)]
    (y,) = run([table, indices, offsets], shapes, mode=mode, ragged=True, closed=closed)
    # The third bag has all from 2 on, the fourth ends before it begins, the last one begins 3 before the end.
    parts = [[3, 1], [], [2, 0, 1], [], [2, 0] if closed else [2, 0, 1]]
    for line, part in zip(y, parts, strict=True):
        rows = table[part]
        want = rows.sum(0) / (max(len(rows), 1) if mode == "mean" else 1)
        assert np.array_equal(line, want.astype(np.float32))


def test_several_tables_have_a_result_each() -> None:
    tables = [np.full((rows, 2), rows, np.float16) for rows in (3, 5)]
    shapes: Shapes = [((3, 2), F16), ((1, 4), I64), ((5, 2), F16), ((1, 2), I64)]
    arrays = [tables[0], np.zeros((1, 4), np.int64), tables[1], np.zeros((1, 2), np.int64)]
    first, second = run(arrays, shapes, count=2, to=F16)
    assert first.dtype == np.float16 and first.tolist() == [[12, 12]] and second.tolist() == [[10, 10]]


@pytest.mark.parametrize(
    ("shapes", "attributes", "message"),
    [
        ([((4, 3), F32), ((2, 2), I64)], {"count": 2}, "2 table.s. take 4 operands, 2 were given"),
        ([((4, 3), I64), ((2, 2), I64)], {}, "is no table of a bag here"),
        ([((4, 3), F32), ((2,), I64)], {}, "is no part of a bag here"),
        ([((4, 3), F32), ((2, 2), F32)], {}, "is no part of a bag here"),
        ([((4, 3), F32), ((2, 2), I64), ((3,), F32)], {"scaled": True}, "one for each row of the table"),
        (
            [((4, 3), F32), ((2, 2), I64), ((2, 3), F32)],
            {"weighted": True},
            "not of the shape of the indices",
        ),
        ([((4, 3), F32), ((2, 2), I64)], {"closed": True}, "no offsets, which may have an end"),
        ([((4, 3), I8), ((2, 2), I64)], {"to": I8}, "sums are floats, not i8"),
    ],
)
def test_what_does_not_fit_is_an_error(shapes: Shapes, attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(GlassError, match=message):
        module_of(shapes, **attributes)


def test_only_wide_tables_follow_a_policy() -> None:
    block = Block([TensorType((4, 3), F32), TensorType((2, 2), I64), TensorType((2, 2), F32)])
    op = block.append(EmbeddingBag(*block.arguments, weighted=True, to=F32))
    assert isinstance(op, EmbeddingBag)
    assert [op.kept(value) for value in op.parts] == [False, True, True]
    narrow = block.append(EmbeddingBag(block.add_argument(TensorType((4, 3), F16)), op.parts[1], to=F32))
    assert isinstance(narrow, EmbeddingBag) and narrow.kept(narrow.parts[0])
