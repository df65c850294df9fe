"""The search in ordered elements: its definition against numpy, and its kernel."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32, I32, I64
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.searching import SearchSorted
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from hypothesis import given
from hypothesis import strategies as st

from ...codegen.one_kernel import compare, kernel_module

NUMBERS = st.integers(-4, 4)


@given(st.lists(NUMBERS, min_size=1, max_size=20), st.lists(NUMBERS, min_size=1, max_size=6), st.booleans())
def test_it_counts_the_elements_that_are_less(x: list[int], values: list[int], symbolic: bool) -> None:
    arrays = [np.array(sorted(x)), np.array(values)]
    check_op(SearchSorted, arrays, symbolic=symbolic)
    wanted = [sum(each < value for each in x) for value in values]
    assert evaluated(build(SearchSorted, arrays), arrays).tolist() == wanted


@pytest.mark.parametrize(
    ("x", "values", "message"),
    [
        (TensorType((2, 3), I64), TensorType((2,), I64), "not a sorted tensor of one dimension"),
        (TensorType((3,), I64), TensorType((2,), I32), "different element types"),
        (TensorType((3,), F32), TensorType((2,), F32), "f32"),
    ],
)
def test_what_it_does_not_take(x: TensorType, values: TensorType, message: str) -> None:
    block = Block([x, values])
    with pytest.raises(IRError, match=message):
        SearchSorted(*block.arguments)


def test_its_kernel() -> None:
    types = [TensorType((symbol("N"),), I64), TensorType((7,), I64)]
    module = kernel_module(
        lambda do, x, values: do(SearchSorted(x, values)), types, symbols={"N": SymbolRange(1, 70, 80)}
    )
    x = np.sort(np.random.default_rng(0).integers(0, 30, 70))
    for got, want in compare(module, {"x0": x, "x1": np.array([-1, 0, 7, 29, 30, 15, 99])}):
        np.testing.assert_array_equal(got, want)
