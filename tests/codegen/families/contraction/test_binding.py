"""Regions bound to contraction kernels: which contraction it is, and where its rows begin."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.contraction.binding import (
    bind,
    find_contraction,
    row_index,
    spaces_of,
    widest_vector,
)
from glassrt.codegen.request.request import Request
from glassrt.codegen.request.signature import make_signature
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import F16, F32, U8
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv

from ...prologue_cases import cast_product, gathered_product, normalised_product
from ...requests import request_for
from .prologue_requests import request_of


def f32(*shape: Dim) -> TensorType:
    return TensorType(shape, F32)


def matmul(a: tuple[int, ...], b: tuple[int, ...], **attributes: Any) -> Request:
    return request_for(lambda do, x, y: [do(Relu(do(Matmul(x, y, **attributes))))], [f32(*a), f32(*b)])


def conv(groups: int) -> Request:
    """With 12 output channels of 5x4 positions."""
    x, w = (TensorType(shape, F32, channels_last(4)) for shape in ((2, 6, 7, 6), (12, 6 // groups, 3, 3)))
    return request_for(lambda do, a, b: [do(Conv(a, b, groups=groups))], [x, w])


def test_a_contraction_is_found_with_its_operands() -> None:
    request = matmul((4, 8), (8, 6))
    found = find_contraction(request)
    assert found is not None and found.root is request.ops[0] and not found.has_prologue
    assert (found.problem.m, found.problem.n, found.problem.k) == (4, 6, 8)


def test_what_kernels_cannot_load() -> None:
    a, b = f32(4, 4), f32(4, 4)
    none = request_for(lambda do, x, y: [do(Add(x, y))], [a, b])
    two = request_for(lambda do, x, y: [do(Matmul(do(Matmul(x, y)), y))], [a, b])
    second = request_for(lambda do, x, y: [do(Matmul(x, do(Relu(y))))], [a, b])
    sums = request_for(lambda do, x, y, z: [do(Matmul(do(Add(x, y)), z))], [a, b, a])
    assert [find_contraction(each) for each in (none, two, second, sums)] == [None] * 4


def spanned(request: Request, depthwise_channels: bool = False) -> set[tuple[int, ...]]:
    """The elements of the result that all (batch, m, n) stand for; each comes once."""
    found = find_contraction(request)
    assert found is not None
    index, spaces = spaces_of(found, depthwise_channels)
    axes = [axis for space in spaces for axis in space.axes]
    groups = found.problem.batches if found.problem.op == "conv" and not depthwise_channels else 1
    seen = []
    for group, *at in product(range(evaluate(groups, {})), *(range(evaluate(a.size, {})) for a in axes)):
        scope = {"_batch": group} | {a.symbol: i for a, i in zip(axes, at, strict=True)}
        seen.append(tuple(evaluate(dim, scope) for dim in index))
    assert len(seen) == len(set(seen))
    return set(seen)


@pytest.mark.parametrize(
    "request_",
    [
        matmul((4, 8), (8, 6)),
        matmul((3, 2, 4, 8), (2, 8, 6)),
        matmul((3, 4, 8), (3, 8, 6)),
        matmul((3, 1, 8), (8, 6)),
        conv(1),
        conv(3),
    ],
)
def test_the_spaces_of_a_kernel_are_the_result(request_: Request) -> None:
    assert spanned(request_) == set(np.ndindex(*map(int, request_.writes[0].shape)))


def test_columns_of_a_depthwise_kernel_are_all_channels() -> None:
    assert spanned(conv(6), depthwise_channels=True) == set(np.ndindex(2, 12, 5, 4))


@pytest.mark.parametrize(
    ("columns", "dtype", "vector"), [(64, F32, 4), (64, F16, 8), (6, F16, 2), (7, F32, 1)]
)
def test_results_are_stored_sixteen_bytes_at_a_time(columns: int, dtype: Any, vector: int) -> None:
    types = [TensorType((4, 8), dtype), TensorType((8, columns), dtype)]
    request = request_for(lambda do, x, y: [do(Matmul(x, y))], types)
    assert widest_vector(request, columns) == vector
    bytes_ = request_for(
        lambda do, x, y: [do(Matmul(x, y))], [TensorType((4, 8), U8), TensorType((8, 64), U8)]
    )
    assert widest_vector(bytes_, 64) <= 8


def test_a_binding_names_what_the_kernel_is_given() -> None:
    n = symbol("N")
    spans = {"N": (1, 4, 9)}
    request = request_for(lambda do, x, y: [do(Matmul(x, y))], [f32(n, 8), f32(8, 6)], spans)
    contraction = find_contraction(request)
    assert contraction is not None
    binding = bind(request, contraction, 2, make_signature(request))
    assert (binding.a, binding.b, binding.vector, binding.names) == ("x0", "x1", 2, {"N": "s0"})
    assert binding.prologue is None and binding.rows is None and binding.beside is None
    assert "store_wide<2>(y0, m*6 + n" in binding.epilogue


def test_only_prologues_that_compute_have_code() -> None:
    for case, computes, values, picks in (
        (cast_product(F16, U8), True, None, False),
        (gathered_product(F16), False, 0, True),
        (gathered_product(F16, U8), True, 0, True),
        (normalised_product(F16, U8), True, 2, False),
    ):
        request, contraction = request_of(case)
        binding = bind(request, contraction, 1, make_signature(request))
        assert contraction.has_prologue and (binding.prologue is not None) == computes
        assert (None if binding.rows is None else len(binding.rows.values)) == values
        assert binding.rows is None or binding.rows.picks == picks


@pytest.mark.parametrize(
    ("request_", "row"),
    [
        (matmul((3, 1, 4, 8), (5, 8, 6)), lambda at: (at[0], 0, at[2], 0)),
        (matmul((4, 8), (3, 8, 6)), lambda at: (at[1], 0)),
        (matmul((3, 8, 4), (3, 8, 6), transpose_a=True), lambda at: (at[0], 0, at[1])),
        (conv(1), lambda at: (at[0], 0, 0, 0)),
    ],
)
def test_rows_of_the_first_operand(request_: Request, row: Any) -> None:
    """Where the operand is broadcast, its only row; a convolution's windows overlap, so it has images."""
    contraction = find_contraction(request_)
    assert contraction is not None
    at = tuple(symbol(f"a{axis}") for axis in range(request_.writes[0].rank))
    assert row_index(contraction, at) == row(at)
