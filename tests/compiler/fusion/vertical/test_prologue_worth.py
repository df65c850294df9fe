"""Whether a contraction computes its first operand while loading it: by how often it would do so."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.fusion.vertical.prologue_worth import TILE_COLUMNS, loads_per_element, refusal
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.unary import Exp

SIZES = {"N": 512}


def product(columns: int, rows: int = 512, depth: int = 256) -> Matmul:
    types = [TensorType((symbol("N") * (rows // 512), depth), F16), TensorType((depth, columns), F16)]
    return Matmul(*Block(types).arguments)


def conv(taps: int, stride: int = 1) -> Conv:
    types = [TensorType((8, 64, 32, 32), F16), TensorType((64, 64, taps, taps), F16)]
    edge = taps // 2
    return Conv(*Block(types).arguments, pads=[edge] * 4, strides=[stride] * 2)


@pytest.mark.parametrize(("columns", "loads"), [(64, 1), (TILE_COLUMNS, 1), (TILE_COLUMNS + 1, 2), (1024, 8)])
def test_a_product_loads_once_for_each_column_of_tiles(columns: int, loads: float) -> None:
    assert loads_per_element(product(columns), SIZES) == loads


def test_a_window_loads_once_for_each_tap_that_reads() -> None:
    assert loads_per_element(conv(1), SIZES) == 1 and loads_per_element(conv(3), SIZES) == 9
    assert loads_per_element(conv(3, stride=2), SIZES) == pytest.approx(9 / 4)
    assert loads_per_element(conv(1, stride=2), SIZES) == 1


def test_little_work_that_is_done_once_is_a_prologue() -> None:
    (x,) = Block([TensorType((4,), F16)]).arguments
    cheap, dear = Relu(x), [Exp(x) for _ in range(100)]
    assert refusal(product(64), [cheap], F16, F16, SIZES, REFERENCE) is None
    many = refusal(product(64), dear, F16, F16, SIZES, REFERENCE)
    assert many is not None and "too many flops" in many.reason
    often = refusal(product(1 << 15), [cheap], F16, F16, SIZES, REFERENCE)
    assert often is not None and "times over" in often.reason and often.figures["evaluations"] == 256


def test_work_that_is_done_once_may_be_more() -> None:
    """A kernel that loads every element once computes what a kernel before it would, and no more."""
    (x,) = Block([TensorType((4,), F16)]).arguments
    for count, fits in ((1, True), (100, False)):
        found = refusal(conv(7), [Exp(x)] * count, F32, F16, SIZES, REFERENCE, once=True)
        assert (found is None) == fits
    assert refusal(conv(7), [Exp(x)], F32, F16, SIZES, REFERENCE) is not None


def test_a_wider_type_is_not_read_over_and_over() -> None:
    assert refusal(product(64, rows=1 << 16), [], F32, F16, SIZES, REFERENCE) is None
    found = refusal(product(1 << 14, rows=1 << 16), [], F32, F16, SIZES, REFERENCE)
    assert found is not None and "f32 would be read 128 times over" in found.reason
    assert refusal(product(1 << 14, rows=1 << 16), [], F16, F16, SIZES, REFERENCE) is None
