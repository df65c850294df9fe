"""A sequence holds tensors of one type, and is none itself."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.frame import LOST
from glassrt.compiler.frontend.left_out import SEQUENCES
from glassrt.compiler.frontend.problems import LostRead, Malformed, Refused
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.compiler.frontend.tensor_sequence import TensorSequence
from glassrt.dialects.core.dtypes import F32, I64

ONE = Tensor.constant(np.ones(3, np.float32))


@pytest.mark.parametrize("part", ["type", "shape", "rank", "dtype", "data", "sizes", "value"])
def test_nothing_reads_it_as_a_tensor(part: str) -> None:
    with pytest.raises(Refused) as caught:
        getattr(TensorSequence([ONE], F32), part)
    assert str(caught.value) == SEQUENCES


def test_its_tensors_have_one_type() -> None:
    with pytest.raises(Malformed, match="a sequence of i64 cannot have an element of f32"):
        TensorSequence([ONE], I64)
    assert TensorSequence([], I64).element == I64


def test_with_a_tensor_that_is_lost_it_is_lost() -> None:
    with pytest.raises(LostRead):
        TensorSequence([ONE, LOST], F32)


def test_it_is_known_where_all_its_tensors_are() -> None:
    assert TensorSequence([ONE, ONE], F32).is_known
    assert not TensorSequence([ONE, Tensor(ONE.type)], F32).is_known
