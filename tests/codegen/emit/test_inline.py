"""A region's values as expressions: shared, down to loads, or what the kernel has computed."""

from __future__ import annotations

import pytest
from glassrt.codegen.emit.inline import RegionExpressions
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.expr import Apply, Const, LoadExpr
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.unary import Neg
from glassrt.dialects.launch_memory import Buffer
from glassrt.errors import IRError

AT = symbol("i")
BLOCK = Block([TensorType((8,), F32)])
(X,) = BLOCK.arguments
NEG = BLOCK.append(Neg(X))
SUM = BLOCK.append(Add(NEG.result, NEG.result))


def test_equal_elements_are_one_expression() -> None:
    found = RegionExpressions({"i": (0, 7)}).element(SUM.result, (AT,))
    assert isinstance(found, Apply) and found.operands[0] is found.operands[1]
    (inner,) = found.operands[0].operands
    assert isinstance(inner, LoadExpr) and inner.source is X and inner.index == (AT,)


def test_indices_are_simplified_by_their_ranges() -> None:
    expressions = RegionExpressions({"i": (0, 7)})
    assert expressions.element(X, ((AT + 8) // 8 * 8 + AT - 8,)) is expressions.element(X, (AT,))


def test_what_the_kernel_computes_is_taken_as_it_is() -> None:
    one = Const(1.0, F32)
    found = RegionExpressions({}, {NEG.result: lambda index: one}).element(SUM.result, (3,))
    assert isinstance(found, Apply) and found.operands == (one, one)


def test_an_op_without_an_expression_is_named() -> None:
    buffer = Buffer(types=[TensorType((8,), F32)], space="arena", bytes=32)
    with pytest.raises(IRError, match=r"launch\.buffer: cannot be part of a kernel"):
        RegionExpressions({}).element(buffer.result, (0,))
