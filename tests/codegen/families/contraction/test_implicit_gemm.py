"""Ops as implicit GEMMs: their axes, strides and windows."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.contraction.axes import BatchAxis, RowAxis, Window
from glassrt.codegen.families.contraction.implicit_gemm import accumulator_of, problem_of, span_of
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, F64, I8, I32, I64
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.unary import Exp

from ...contraction_cases import conv, matmul

N = symbol("N")


def test_a_pointwise_convolution_is_a_product_of_rows() -> None:
    problem = conv("f16", (2, 16, 5, 7), (24, 16, 1, 1)).problem
    assert problem.rows == (RowAxis(70, 16, label="image_y_x"),)
    assert (problem.m, problem.n, problem.k, problem.taps) == (70, 24, 16, 1)


def test_a_window_reads_beyond_the_edge_where_it_is_padded() -> None:
    problem = conv("f16", (2, 16, 9, 9), (24, 16, 3, 3), pads=(0, 1, 0, 1), stride=2).problem
    image, y, x = problem.rows
    assert image == RowAxis(2, 9 * 9 * 16, label="image")
    assert y == RowAxis(4, 9 * 16, Window(3, 2, 1, 0, 9, False), "y")
    assert x == RowAxis(5, 16, Window(3, 2, 1, 1, 9, True), "x")
    assert problem.k == 9 * 16


def test_groups_are_the_batch() -> None:
    problem = conv("f16", (2, 48, 5, 5), (96, 16, 3, 3), groups=3).problem
    assert problem.batch == (BatchAxis(3, 16, 32 * 9 * 16),)
    assert (problem.n, problem.channels) == (32, 16)


def test_dimensions_along_which_the_second_operand_is_the_same_are_rows() -> None:
    assert matmul("f16", (3, 7, 64), (64, 40)).problem.m == 21
    shared = matmul("f16", (3, 4, 20, 32), (4, 32, 24)).problem
    assert [axis.extent for axis in shared.batch] == [3, 4] and shared.m == 20
    assert shared.batch[0].b_step == 0
    across = matmul("f16", (3, 64, 7), (64, 40), transpose_a=True).problem
    assert (across.m, across.batches) == (7, 3)


def test_symbols_reach_the_extents() -> None:
    problem = conv("f16", (N, 16, 5, N), (24, 16, 3, 3), pad=1, sizes={"N": 6}).problem
    assert problem.m == N * 5 * N and problem.at_optimum(problem.m) == 180


def test_what_has_no_kernel() -> None:
    x, w = Block([TensorType((2, 16, 5, 5), F16), TensorType((24, 16, 3, 3), F16)]).arguments
    assert problem_of(Exp(x)) is None
    attributes = {"strides": (1, 1), "dilations": (1, 1), "pads": (0,) * 4, "groups": 1}
    assert problem_of(Conv(x, w, accumulate=F32, **attributes)) is None, "channels are not innermost in w"


@pytest.mark.parametrize(
    ("dtype", "asked", "found"),
    [
        (F16, None, F32),
        (BF16, F16, F32),
        (I8, None, I32),
        (F64, None, F64),
        (I64, None, I64),
        (F16, F64, F64),
    ],
    ids=str,
)
def test_accumulators_have_32_bits_at_least(dtype: object, asked: object, found: object) -> None:
    assert accumulator_of(dtype, asked) == found  # type: ignore[arg-type]


def test_offsets_beyond_an_int_are_noticed() -> None:
    type = TensorType((N, 1 << 20), F16)
    assert span_of(type, {"N": (1, 2046)}) == 2047 << 20 and span_of(type, {"N": (1, 2047)}) is None
    assert span_of(type, {"N": (1, None)}) is None
    operands = Block([type, TensorType((1 << 20, 8), F16)]).arguments
    for most, wide in ((2046, False), (4096, True)):
        found = problem_of(Matmul(*operands), {"N": (1, 2, most)})
        assert found is not None and found.wide == wide
