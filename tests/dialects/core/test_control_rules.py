"""What decides how often regions run: scalars of the right type, and limits that are no negative numbers."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.control_rules import check_limit, check_scalar
from glassrt.dialects.core.dtypes import BOOL, I64, DType
from glassrt.dialects.core.ir import Block, Value
from glassrt.dialects.core.types import TensorType
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
