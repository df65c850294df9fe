"""Positions outside their axis are found before an op takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.indexing import Gather, GatherElements, GatherNd, OneHot
from glassrt.dialects.graph.interaction import ROWS, Interaction
from glassrt.dialects.graph.positions import check_positions, has_positions, positions_of
from glassrt.dialects.graph.roi_align import RoiAlign
from glassrt.dialects.graph.rois import RoiMaxPool
from glassrt.dialects.graph.scatter import ScatterElements, ScatterNd
from glassrt.dialects.graph.sequences import WriteCache
from glassrt.errors import IRError
from glassrt.testing.op_checks import build

X = np.arange(12, dtype=np.float32).reshape(3, 4)
IMAGES = np.zeros((2, 1, 4, 4), np.float32)
HALF = np.ones((3, 4), np.float16)
# Every op that takes positions: its operands with good ones, where a bad one is put, and how many there are.
CASES: dict[str, tuple[type[Operation], list[Any], dict[str, Any], tuple[int, tuple[int, ...]], int]] = {
    "gather": (Gather, [X, np.int64([[0, -3], [2, 1]])], {"axis": 0}, (1, (1, 0)), 3),
    "gather of i32": (Gather, [X, np.int32([0, -4])], {"axis": 1}, (1, (0,)), 4),
    "elements": (GatherElements, [X, np.int64([[0, -4]] * 3)], {"axis": -1}, (1, (2, 1)), 4),
    "nd": (GatherNd, [X, np.int64([[2, 3], [0, -4]])], {}, (1, (1, 1)), 4),
    "nd, first": (GatherNd, [X, np.int64([[2, 3], [0, -4]])], {}, (1, (0, 0)), 3),
    "scatter": (ScatterElements, [X, np.int64([[0, 1]]), X[:1, :2]], {"axis": 1}, (1, (0, 1)), 4),
    "scatter nd": (ScatterNd, [X, np.int64([[2, 0]]), X[0, :1]], {}, (1, (0, 0)), 3),
    "image": (
        RoiAlign,
        [IMAGES, np.zeros((2, 4), np.float32), np.int64([0, 1])],
        {"sizes": (1, 1)},
        (2, (1,)),
        2,
    ),
    "region": (RoiMaxPool, [IMAGES, np.zeros((1, 5), np.float32)], {"sizes": (1, 1)}, (1, (0, 0)), 2),
    "interaction": (
        Interaction,
        [np.int64([1]), np.int64([[0, 1], [0, 2], [1, -3]]), HALF, HALF],
        {"columns": (ROWS, 1)},
        (1, (1, 1)),
        3,
    ),
}


def checked(op: Operation, operands: list[Any]) -> None:
    """Look at the positions of OP, the only one of its block."""
    block = op.inputs[0].owner
    assert isinstance(block, Block)
    if op.parent is None:
        block.append(op)
        block.append(Yield(op.results[0]))
    assert has_positions(block)
    check_positions(Module(), block, operands, {})


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("beyond", [0, 7])
def test_a_position_outside_is_an_error_with_its_value(case: str, beyond: int) -> None:
    kind, operands, attributes, (place, at), size = CASES[case]
    op = build(kind, operands, **attributes)
    checked(op, operands)
    for wrong in (size + beyond, -size - 1 - beyond):
        bad = [operand.copy() for operand in operands]
        bad[place][at] = wrong
        with pytest.raises(IRError) as caught:
            checked(op, bad)
        message = caught.value.message
        assert f"{op.name}: the index {bad[place][at]} at {list(at)} is not in {-size}..{size - 1}" in message


def test_the_cases_are_all_ops_that_say_what_they_take() -> None:
    kinds = {kind for kind, *_ in CASES.values()}
    assert all(
        positions_of(build(kind, operands, **attributes)) for kind, operands, attributes, *_ in CASES.values()
    )
    assert kinds == {
        Gather,
        GatherElements,
        GatherNd,
        ScatterElements,
        ScatterNd,
        RoiAlign,
        RoiMaxPool,
        Interaction,
    }


@pytest.mark.parametrize("start", [-1, 3, 9])
def test_a_write_has_to_be_in_its_cache(start: int) -> None:
    cache, update = np.zeros((2, 4, 1), np.float32), np.ones((2, 2, 1), np.float32)
    starts = np.int64([0, start])
    with pytest.raises(IRError, match=rf"the index {start} at \[1\] is not in 0..2"):
        checked(build(WriteCache, [cache, update, starts]), [cache, update, starts])
    assert not positions_of(build(WriteCache, [cache, update, starts], circular=True))
    assert not positions_of(build(WriteCache, [cache, update]))


def test_only_what_positions_are_computed_by_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    block = Block()
    ids, offset, table = (
        block.add_argument(TensorType(shape, dtype))
        for shape, dtype in (((2,), I64), ((2,), I64), ((4, 4), F32))
    )
    moved, product = Add(ids, offset), Matmul(table, table)
    gather = Gather(product.results[0], moved.results[0])
    for op in (moved, product, gather, Yield(gather.results[0])):
        block.append(op)

    def never(*_: Any) -> Any:
        raise AssertionError("nothing needs the product")

    monkeypatch.setattr(Matmul, "evaluate", never)
    arrays = [np.int64([1, 2]), np.int64([2, 1]), np.ones((4, 4), np.float32)]
    check_positions(Module(), block, arrays, {})
    arrays[1] = np.int64([2, 2])
    with pytest.raises(IRError, match=r"the index 4 at \[1\] is not in -4..3"):
        check_positions(Module(), block, arrays, {})


def test_what_is_wrong_on_purpose_is_none() -> None:
    """OneHot means no element by such an index; spare indices mean nothing."""
    assert not positions_of(build(OneHot, [np.int64([9]), np.float32([0, 1])], depth=3))
    assert not positions_of(build(Gather, [X, np.int64([9])], spare=True))
