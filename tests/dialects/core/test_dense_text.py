"""The numbers of inline tensors: their text reads back to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dense_text import dense_from_text
from glassrt.dialects.core.dtypes import BOOL, DTYPES, F16, I8, DType
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.constants import Constant
from hypothesis import given
from hypothesis import strategies as st

from .small_modules import read


@given(st.sampled_from(sorted(DTYPES)), st.binary(min_size=16, max_size=16))
def test_inline_constants_keep_every_bit(name, data):
    dtype = DTYPES[name].numpy
    width = 1 if name == "bool" else DTYPES[name].bits
    data = bytes(byte & ((1 << min(width, 8)) - 1) for byte in data)
    array = np.frombuffer(data, dtype)
    module = Module("net")
    function = module.add(Function("main", [], ["y"]))
    function.block.append(Return(function.block.append(Constant(value=array)).result))
    (constant, _) = list(read(print_module(module)).walk())
    # A NaN is kept bit for bit too.
    assert constant.array().tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("shape", "dtype", "text", "reason"),
    [
        ((2,), I8, "1", "has 1 numbers, its shape needs 2"),
        ((), BOOL, "2", "a bool is written 0 or 1"),
        ((), F16, "7e4", "7e4 is beyond the range of f16"),
    ],
)
def test_numbers_that_do_not_fit(shape: tuple[int, ...], dtype: DType, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        dense_from_text(shape, dtype, text)
    assert dense_from_text((2,), I8, " 0x7f, -3").tolist() == [127, -3]
    assert dense_from_text((0, 3), I8, " ").shape == (0, 3)
