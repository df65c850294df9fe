"""Rules of ops with regions. What is shown of a fault in a text: `tests/errors/texts/verifier`."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import BOOL, I64, DType
from glassrt.dialects.core.ir import Block, Region, Value
from glassrt.dialects.core.region_rules import check_argument_count, check_limit, check_scalar, check_yielded
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.errors import IRError


def value_of(type: TensorType) -> Value:
    return Block([type]).arguments[0]


@pytest.mark.parametrize(("dtype", "shape"), [(BOOL, ()), (I64, (1,)), (I64, (symbol("N"),))])
def test_a_value_that_is_no_scalar_of_the_type_is_named(dtype: DType, shape: tuple[Dim, ...]) -> None:
    value = value_of(TensorType(shape, dtype))
    op = Relu(value, types=[value.type])
    with pytest.raises(IRError) as caught:
        check_scalar(op, value, I64, "trip count")
    assert str(caught.value) == f"graph.relu: its trip count is {value.type}, a scalar of i64 is expected"


def test_a_scalar_and_an_absent_value_are_right() -> None:
    value = value_of(TensorType((), I64))
    op = Relu(value, types=[value.type])
    check_scalar(op, value, I64, "trip count")
    check_scalar(op, None, I64, "trip count")


def test_only_a_negative_number_is_no_limit() -> None:
    value = value_of(TensorType((), I64))
    op = Relu(value, types=[value.type])
    for limit in (None, 0, 7, symbol("N")):
        check_limit(op, "count", limit)
    with pytest.raises(IRError, match="its count of iterations is -1, below zero"):
        check_limit(op, "count", -1)


def kernel(*types: TensorType) -> FusedKernel:
    """A kernel that yields its arguments, of TYPES."""
    block = Block(types)
    block.append(Yield(*block.arguments))
    return FusedKernel(*Block(types).arguments, regions=[Region(block)], root="loop")


SCALAR, FLAG = TensorType((), I64), TensorType((), BOOL)


def test_a_region_takes_what_is_passed() -> None:
    op = kernel(SCALAR, SCALAR)
    check_argument_count(op, 0, 2)
    for count in (1, 3):
        with pytest.raises(IRError, match=f"region 0 has 2 arguments, {count} are passed"):
            check_argument_count(op, 0, count)


def test_a_region_begins_to_yield_what_is_expected() -> None:
    op = kernel(SCALAR, FLAG)
    check_yielded(op, 0, [SCALAR], "")
    check_yielded(op, 0, [SCALAR, FLAG], "")
    with pytest.raises(IRError, match="yields tensor<bool> as value 1, tensor<i64> is expected"):
        check_yielded(op, 0, [SCALAR, SCALAR], "")
    with pytest.raises(IRError, match="yields 2 values, 3 are expected"):
        check_yielded(op, 0, [SCALAR, FLAG, FLAG], "")
