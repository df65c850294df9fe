"""Tensors of the model: what is known of them, and what is lost."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.problems import LostRead
from glassrt.compiler.frontend.tensor import Lost, Tensor
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType


def test_three_forms() -> None:
    constant = Tensor.constant(np.zeros((2, 3), np.float32))
    sizes = Tensor.symbolic(np.array([symbol("N"), 3], object), I64)
    value = Tensor.of(Block([TensorType((symbol("N"),), F32)]).arguments[0])
    assert [each.is_known for each in (constant, sizes, value)] == [True, True, False]
    assert (constant.shape, constant.rank, constant.dtype) == ((2, 3), 2, F32)
    assert sizes.type == TensorType((2,), I64)


def test_the_type_is_that_of_the_value_once_there_is_one() -> None:
    (argument,) = Block([TensorType((symbol("N"),), F32)]).arguments
    tensor = Tensor(TensorType((4,), F32), value=argument)
    assert tensor.shape == (symbol("N"),)
    argument.type = TensorType((7,), F32)
    assert tensor.shape == (7,)


def test_nothing_of_what_is_lost_can_be_read() -> None:
    lost = Lost(sized=True)
    assert lost.sized
    for name in ("data", "sizes", "value", "location", "type", "shape", "is_known"):
        with pytest.raises(LostRead):
            getattr(lost, name)
