"""The order along an axis: definitions against numpy, ties, NaN, and the kernels of TopK."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, F64, I8, I32, I64, U8, U64
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.indexing import GatherElements
from glassrt.dialects.graph.sorting import PlacesOfRank, SortRank
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...codegen.one_kernel import compare, kernel_module

Array = np.ndarray[Any, Any]


def places(x: Array, axis: int, count: int, *, descending: bool) -> Array:
    ranks = evaluated(build(SortRank, [x], axis=axis, descending=descending), [x])
    return evaluated(build(PlacesOfRank, [ranks], axis=axis, count=count), [ranks])


@given(st.data())
def test_ranks_and_their_places(data: DataObject) -> None:
    dtype = data.draw(dtypes(F32, F64, F16, BF16, I64, I32, I8, U8, U64))
    x = data.draw(tensors(dtype, data.draw(shapes(least=1, side=5))))
    axis, descending = data.draw(st.integers(-x.ndim, x.ndim - 1)), data.draw(st.booleans())
    check_op(SortRank, [x], symbolic=data.draw(st.booleans()), axis=axis, descending=descending)
    ranks = evaluated(build(SortRank, [x], axis=axis, descending=descending), [x])
    count = data.draw(st.integers(0, x.shape[axis]))
    check_op(PlacesOfRank, [ranks], axis=axis, count=count)
    found = places(x, axis, x.shape[axis], descending=descending)
    wanted = np.apply_along_axis(in_order, axis, x.astype(object), descending=descending)
    np.testing.assert_array_equal(found, wanted)


def in_order(line: Array, *, descending: bool) -> list[int]:
    """The positions of a LINE of numbers in order, by Python's stable sort."""
    keys = [(number != number, 0 if number != number else number) for number in line.tolist()]
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=descending)


def test_equal_elements_keep_their_order_and_nan_is_the_largest() -> None:
    x = np.array([1, np.nan, 2, 1, -0.0, 0.0, np.inf, np.nan], np.float32)
    assert places(x, 0, 8, descending=True).tolist() == [1, 7, 6, 2, 0, 3, 4, 5]
    assert places(x, 0, 8, descending=False).tolist() == [4, 5, 0, 3, 2, 6, 1, 7]
    check_op(SortRank, [x])
    check_op(SortRank, [x], descending=False)


@pytest.mark.parametrize("axis", [0, 1])
def test_its_kernels(axis: int) -> None:
    """The steps of TopK, each in a kernel on the host; 70 elements are shared by the threads of a block."""
    x = np.random.default_rng(0).integers(0, 30, (70, 70)).astype(np.float32)
    steps = [
        ([TensorType((symbol("N"), 70), F32)], lambda do, x: do(SortRank(x, axis=axis)), [x]),
    ]
    ranks = evaluated(build(SortRank, [x], axis=axis), [x])
    steps.append(
        (
            [TensorType((symbol("N"), 70), I64)],
            lambda do, ranks: do(PlacesOfRank(ranks, axis=axis, count=9)),
            [ranks],
        )
    )
    found = evaluated(build(PlacesOfRank, [ranks], axis=axis, count=9), [ranks])
    steps.append(
        (
            [TensorType((symbol("N"), 70), F32), TensorType(found.shape, I64)],
            lambda do, x, found: do(GatherElements(x, found, axis=axis)),
            [x, found],
        )
    )
    for types, body, arrays in steps:
        module = kernel_module(body, types, symbols={"N": SymbolRange(9, 70, 80)})
        for got, want in compare(module, {f"x{place}": array for place, array in enumerate(arrays)}):
            np.testing.assert_array_equal(got, want)
