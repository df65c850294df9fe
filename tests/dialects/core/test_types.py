"""Tensor types: strides and order in memory, symbols, and text."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I4
from glassrt.dialects.core.types import (
    ROW_MAJOR,
    Layout,
    TensorType,
    channels_last,
    dim_text,
    is_plain_symbol,
    symbols_in,
)
from hypothesis import given
from hypothesis import strategies as st

N, B = symbol("N"), symbol("batch")


@given(st.lists(st.integers(1, 5), max_size=5), st.data())
def test_dense_strides_are_those_of_numpy(shape: list[int], data: st.DataObject) -> None:
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    memory = np.empty([shape[axis] for axis in order], np.int8)
    logical = memory.transpose(np.argsort(order).tolist())
    made = TensorType(tuple(shape), F16, Layout(order))
    assert made.strides == logical.strides and made.order == order
    assert made.elements == logical.size and made.bytes == 2 * logical.size


def test_a_view_is_ordered_by_its_strides() -> None:
    view = TensorType((4, N, 3), F32, Layout(strides=(1, 12, N * 12), offset=B))
    assert view.strides == (1, 12, N * 12) and view.order == (2, 1, 0)
    assert view.symbols == {"N", "batch"} and not view.layout.is_dense
    assert str(view) == "tensor<4xNx3xf32, strided<[1, 12, 12*N], batch>>"


@pytest.mark.parametrize(
    ("rank", "text"),
    [(2, "tensor<2x2xf16>"), (4, "tensor<2x2x2x2xf16, nhwc>"), (3, "tensor<2x2x2xf16, nwc>")],
)
def test_channels_last_is_written_by_its_name(rank: int, text: str) -> None:
    assert str(TensorType((2,) * rank, F16, channels_last(rank))) == text
    assert str(TensorType((2,) * 6, F16, channels_last(6))).endswith(", channels_last>")
    assert str(TensorType((2, 3), F16, Layout((1, 0)))) == "tensor<2x3xf16, order<1, 0>>"


def test_changes_of_a_part_keep_the_rest() -> None:
    made = TensorType((2, 3, N), F16, channels_last(3))
    assert made.with_dtype(F32) == TensorType((2, 3, N), F32, channels_last(3))
    assert made.with_dtype(F16) is made and made.with_layout(made.layout) is made
    assert made.with_shape((6,)) == TensorType((6,), F16)
    assert made.with_layout(ROW_MAJOR) == TensorType((2, 3, N), F16)
    assert TensorType((3,), I4).bytes == 3


def test_sizes_are_written_so_that_they_read_back() -> None:
    texts = {dim_text(size) for size in (4, N, B, N * 2 - 1, symbol("M_1"), -3)}
    assert texts == {"4", "N", "(batch)", "(2*N-1)", "M_1", "(-3)"}
    assert is_plain_symbol("A1_") and not is_plain_symbol("Ab") and not is_plain_symbol("1A")


def test_symbols_are_found_at_any_depth() -> None:
    assert symbols_in((N * 2, ((B,), 3), TensorType((symbol("M"),), F32))) == {"N", "batch", "M"}
    assert symbols_in(3) == symbols_in("N") == frozenset()
