"""Concat: the definition against numpy, and symbolic sizes."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.errors import IRError
from glassrt.testing.op_checks import check_op, numbered
from glassrt.testing.strategies import shapes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

N, H = symbol("N"), symbol("H")


@given(st.data())
def test_concat_definition_is_numpy(data: DataObject) -> None:
    shape = data.draw(shapes(least=1, smallest=0))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        own = list(shape)
        own[axis] = data.draw(st.integers(0, 3))
        parts.append(numbered(tuple(own)) + 100 * len(parts))
    check_op(Concat, parts, symbolic=data.draw(st.booleans()), axis=axis)


def test_concat_adds_symbolic_sizes() -> None:
    block = Block()
    parts = [block.add_argument(TensorType(shape, F32)) for shape in ((N, 3), (N, H), (N, H))]
    assert Concat(*parts, axis=1).y.type.shape == (N, 2 * H + 3)
    with pytest.raises(IRError, match="cannot be concatenated"):
        Concat(*parts, axis=0)
    with pytest.raises(IRError, match="axis 2"):
        Concat(*parts, axis=2)
    with pytest.raises(IRError, match="needs at least one operand"):
        Concat(axis=0)
