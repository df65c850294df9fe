"""Layouts that kernels ask for."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.patterns.layouts import is_neutral, launch_elements, padded_channels, product_layout
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I8, TF32, DType
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import ROW_MAJOR, Layout, TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv


@pytest.mark.parametrize(
    ("shape", "neutral"),
    [
        ((2, 3), True),
        ((2, 1, 4, 4), True),
        ((2, 3, 1, 1), True),
        ((2, 3, 4, 1), False),
        ((2, symbol("C"), 1, 1), True),
    ],
)
def test_one_channel_or_one_position_lies_alike(shape, neutral: bool) -> None:
    assert is_neutral(TensorType(shape, F32)) == neutral


def conv(channels: int, groups: int = 1) -> Conv:
    types = [TensorType((1, channels, 8, 8), F16), TensorType((groups, channels // groups, 3, 3), F16)]
    return Conv(*Block(types).arguments, groups=groups)


@pytest.mark.parametrize(
    ("channels", "dtype", "padding"),
    [(3, F16, 1), (3, F32, 1), (4, F16, 0), (2, F32, 0), (1, I8, 3), (5, F16, 0)],
)
def test_few_channels_are_padded_to_words(channels: int, dtype: DType, padding: int) -> None:
    assert padded_channels(conv(channels), dtype, REFERENCE) == padding


def test_groups_and_others_are_not_padded() -> None:
    assert padded_channels(conv(3, groups=3), F16, REFERENCE) == 0
    (x,) = Block([TensorType((1, 3, 8, 8), F16)]).arguments
    assert padded_channels(Relu(x), F16, REFERENCE) == 0


@pytest.mark.parametrize(
    ("rows", "k", "dtype", "streams"),
    [(1, 64, F16, True), (16, 64, F16, True), (17, 64, F16, False), (1, 60, F16, False), (1, 64, F32, False)],
)
def test_weights_of_few_rows_stream_along_k(rows: int, k: int, dtype: DType, streams: bool) -> None:
    w = TensorType((k, 32), dtype)
    op = Matmul(*Block([TensorType((rows, k), dtype), w]).arguments)
    assert (product_layout(op, 1, w, dtype, constant=True) == Layout((1, 0))) == streams
    assert product_layout(op, 1, w, dtype) == ROW_MAJOR and product_layout(op, 0, w, dtype) == ROW_MAJOR


def test_products_of_some_types_are_k_major() -> None:
    a, b = TensorType((2, 4, 8), F32), TensorType((8, 4), F32)
    op = Matmul(*Block([a, b]).arguments)
    assert product_layout(op, 0, a, TF32) == ROW_MAJOR and product_layout(op, 1, b, TF32) == Layout((1, 0))
    assert product_layout(op, 1, b, F16) == ROW_MAJOR
    turned = Matmul(
        *Block([TensorType((2, 8, 4), F32), TensorType((4, 8), F32)]).arguments,
        transpose_a=True,
        transpose_b=True,
    )
    assert product_layout(turned, 0, TensorType((2, 8, 4), F32), TF32) == Layout((0, 2, 1))
    assert product_layout(turned, 1, TensorType((4, 8), F32), TF32) == ROW_MAJOR
    assert launch_elements(REFERENCE) > 0
