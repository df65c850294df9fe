"""Counts of n-grams: the definition against numpy, and the kernel."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.ngrams import NgramCounts
from glassrt.errors import IRError
from glassrt.testing.op_checks import check_op
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...codegen.one_kernel import compare, kernel_module


@given(st.data())
def test_counts(data: DataObject) -> None:
    draw = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = draw.integers(0, 3, (2, data.draw(st.integers(1, 7)))).astype(
        data.draw(st.sampled_from([np.int32, np.int64]))
    )
    grams = draw.integers(0, 3, (3, data.draw(st.integers(1, 3))))
    check_op(NgramCounts, [x, grams], distances=data.draw(st.integers(1, 3)))


def test_its_kernel() -> None:
    draw = np.random.default_rng(0)
    types = [TensorType((symbol("N"), 50), I64), TensorType((9, 2), I64)]
    module = kernel_module(
        lambda do, x, grams: do(NgramCounts(x, grams, distances=3)),
        types,
        symbols={"N": SymbolRange(1, 4, 8)},
    )
    inputs = {"x0": draw.integers(0, 3, (4, 50)), "x1": draw.integers(0, 3, (9, 2))}
    [(got, want)] = compare(module, inputs)
    assert want.max() > 3
    np.testing.assert_array_equal(got, want)


def test_rows_of_integers_are_wanted() -> None:
    block = Block()
    x, grams = block.add_argument(TensorType((2, 3), F32)), block.add_argument(TensorType((2, 3), I64))
    with pytest.raises(IRError, match="not a matrix of integers"):
        NgramCounts(x, grams)
