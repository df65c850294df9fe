"""The rules of types that elementwise ops share."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BOOL, F16, F32, I32, DType
from glassrt.dialects.graph import binary, elementwise, unary
from glassrt.dialects.graph.base import GraphOp
from glassrt.dialects.graph.elementwise_base import Bitwise, Comparison, Logic
from glassrt.errors import IRError
from glassrt.testing.op_checks import build


@pytest.mark.parametrize(
    ("op", "dtype"),
    [(unary.Exp, I32), (binary.And, F32), (binary.BitwiseOr, F16), (binary.Add, BOOL)],
)
def test_wrong_element_types_are_located(op: type[GraphOp], dtype: DType) -> None:
    x = np.zeros(2, dtype.numpy)
    with pytest.raises(IRError, match=op.name):
        build(op, [x] * op.spec.least_operands)


def test_operands_of_two_types_or_shapes_are_refused() -> None:
    with pytest.raises(IRError, match="different element types"):
        build(binary.Add, [np.zeros(2, np.float32), np.zeros(2, np.float16)])
    with pytest.raises(IRError, match="broadcast"):
        build(binary.Add, [np.zeros(2, np.float32), np.zeros(3, np.float32)])
    with pytest.raises(IRError, match="bounds"):
        build(elementwise.Clip, [np.zeros(2, np.float32), np.zeros(2, np.float32)])
    with pytest.raises(IRError, match="bool"):
        build(elementwise.Where, [np.zeros(2, np.float32)] * 3)


def test_predicates_give_bool() -> None:
    x = np.zeros(2, np.int32)
    for op in binary.OPS:
        if issubclass(op, Comparison) and not issubclass(op, Logic):
            assert build(op, [x, x]).result.type.dtype == BOOL
    assert all(op.kinds == ("signed", "unsigned") for op in binary.OPS if issubclass(op, Bitwise))


def test_flops_count_elements() -> None:
    x = np.zeros((2, 3), np.float32)
    assert build(binary.Add, [x, x]).flops() == 6
    assert build(binary.Equal, [x, x]).flops() == 0
