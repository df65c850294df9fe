"""Contractions as problems: what a problem says, carried out element by element, is the contraction."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.contraction.axes import BatchAxis, RowAxis, merged_batch, merged_rows
from glassrt.codegen.families.contraction.implicit_gemm import accumulator_of, problem_of, span_of
from glassrt.codegen.families.contraction.problem import Problem, as_priced
from glassrt.codegen.families.divisors import divisor, power_of_two_in
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import F16, F32, F64, I8, I32, DType
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import Layout, TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from hypothesis import given, settings
from hypothesis import strategies as st

from ...contraction_cases import Case, conv, exact, laid_out, matmul
from .random_cases import convolutions, products

Array = np.ndarray[Any, Any]
N = symbol("N")


def memory(case: Case, number: int) -> Array:
    """The elements of operand NUMBER's buffer, in float64."""
    type = case.op.inputs[number].type
    view = laid_out(case.arrays[number], type, case.sizes).view(type.dtype.numpy)
    return np.nan_to_num(view.astype(np.float64))


def rows_of(problem: Problem, batch: tuple[int, ...], sizes: Any) -> tuple[Array, Array]:
    """Offsets of A's elements as [m, k], and whether each is read or is zero."""
    start = evaluate(problem.a_offset, sizes)
    start += sum(i * evaluate(axis.a_step, sizes) for i, axis in zip(batch, problem.batch, strict=True))
    taps = [range(axis.window.taps if axis.window else 1) for axis in problem.rows]
    extents = [range(evaluate(axis.extent, sizes)) for axis in problem.rows]
    channels = np.arange(evaluate(problem.channels, sizes)) * evaluate(problem.a_k_step, sizes)
    offsets, kept = [], []
    for row in product(*extents):
        for tap in product(*taps):
            offset, inside = start, True
            for at, shift, axis in zip(row, tap, problem.rows, strict=True):
                if axis.window is not None:
                    window = axis.window
                    at = at * window.stride - window.pad + shift * window.dilation
                    within = 0 <= at < evaluate(window.limit, sizes)
                    assert within or window.checked
                    inside = inside and within
                offset += at * evaluate(axis.step, sizes)
            offsets.append(offset + channels)
            kept.append(np.full(len(channels), inside))
    rows = evaluate(problem.m, sizes)
    return np.reshape(offsets, (rows, -1)), np.reshape(kept, (rows, -1))


def carried_out(case: Case) -> Array:
    """[batches, m, n] by the axes, strides and windows of the problem alone."""
    problem, sizes = case.problem, case.sizes
    a, b = memory(case, 0), memory(case, 1)
    k, n = evaluate(problem.k, sizes), evaluate(problem.n, sizes)
    steps = [evaluate(step, sizes) for step in (problem.b_n_step, problem.b_k_step)]
    results = []
    for batch in product(*(range(evaluate(axis.extent, sizes)) for axis in problem.batch)):
        offsets, kept = rows_of(problem, batch, sizes)
        start = evaluate(problem.b_offset, sizes)
        start += sum(i * evaluate(axis.b_step, sizes) for i, axis in zip(batch, problem.batch, strict=True))
        columns = start + np.arange(n)[:, None] * steps[0] + np.arange(k) * steps[1]
        left = np.where(kept, a[np.clip(offsets, 0, len(a) - 1)], 0)
        results.append(left @ b[columns].T)
    return np.array(results)


def expected(case: Case) -> Array:
    """The contraction as numpy has it, with its axes in the order of batch, rows and columns."""
    a, b = (array.astype(np.float64) for array in case.arrays)
    problem, whole = case.problem, exact(case.op, a, b)
    if problem.op == "conv":
        groups = evaluate(problem.batches, case.sizes)
        split = whole.reshape(whole.shape[0], groups, -1, *whole.shape[2:])
        turned = np.moveaxis(split, (1, 2), (0, -1))
    else:
        turned = whole.transpose(*problem.batch_axes, *problem.row_axes, problem.column_axis)
    shape = [evaluate(dim, case.sizes) for dim in (problem.batches, problem.m, problem.n)]
    return turned.reshape(shape)


@settings(max_examples=25)
@given(products() | convolutions())
def test_a_problem_carried_out_is_the_contraction(case: Case) -> None:
    np.testing.assert_allclose(carried_out(case), expected(case), rtol=1e-12, atol=1e-12)


VIEWS = {
    "symbolic rows": matmul("f32", (2, N, 12), (12, 5), sizes={"N": 7}),
    "symbolic batch": matmul("f32", (N, 1, 4, 6), (N, 3, 6, 5), sizes={"N": 2}),
    "symbolic image": conv("f32", (N, 6, 5, N), (4, 3, 3, 2), pad=1, groups=2, sizes={"N": 4}),
    "broadcast rows": matmul("f32", (3, 1, 4), (3, 4, 5)),
    "wide stride": conv("f32", (2, 3, 9, 8), (4, 3, 1, 2), stride=3, pads=(0, 2, 1, 0)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_problems_with_symbols_and_views(name: str) -> None:
    np.testing.assert_allclose(carried_out(VIEWS[name]), expected(VIEWS[name]), rtol=1e-12, atol=1e-12)


@settings(max_examples=25)
@given(products() | convolutions())
def test_vectorized_loads_are_aligned(case: Case) -> None:
    """Every run of `a_vector` elements along k lies together, at a multiple of as many elements."""
    problem = case.problem
    vector = problem.a_vector
    assert 1 <= vector <= 8
    if not problem.a_k_major or vector == 1:
        return
    for batch in product(*(range(evaluate(axis.extent, {})) for axis in problem.batch)):
        offsets, kept = rows_of(problem, batch, {})
        assert offsets.shape[1] % vector == 0
        runs = offsets.reshape(-1, vector)[kept.reshape(-1, vector)[:, 0]]
        assert (runs[:, 0] % vector == 0).all() and (np.diff(runs, axis=1) == 1).all()


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 64))
def test_divisors(a: int, b: int, most: int) -> None:
    assert divisor(a, b) == np.gcd(a, b) and divisor(a * N + b * N * N) == np.gcd(a, b)
    found = power_of_two_in(a, most)
    assert found <= most and a % found == 0 and (found * 2 > most or a % (found * 2) != 0)


def test_adjacent_axes_are_merged_where_one_stride_covers_both() -> None:
    rows = [RowAxis(N, 20, label="image"), RowAxis(4, 5, label="y"), RowAxis(5, 1, label="x")]
    assert merged_rows(rows) == (RowAxis(20 * N, 1, label="image_y_x"),)
    assert merged_rows([RowAxis(N, 21), RowAxis(4, 5)]) == (RowAxis(N, 21), RowAxis(4, 5))
    assert merged_rows([RowAxis(1, 7)]) == (RowAxis(1, 0),)
    batch = [BatchAxis(2, 12, 6), BatchAxis(3, 4, 2), BatchAxis(1, 9, 9)]
    assert merged_batch(batch) == (BatchAxis(6, 4, 2),)
    assert merged_batch([BatchAxis(2, 12, 0), BatchAxis(3, 4, 2)]) == (
        BatchAxis(2, 12, 0),
        BatchAxis(3, 4, 2),
    )


@pytest.mark.parametrize(
    ("dtype", "asked", "found"),
    [(F16, None, F32), (I8, None, I32), (F64, None, F64), (F16, F16, F32), (F16, F32, F32), (F32, F64, F64)],
    ids=str,
)
def test_accumulators_have_32_bits_at_least(dtype: DType, asked: DType | None, found: DType) -> None:
    assert accumulator_of(dtype, asked) == found


def test_offsets_beyond_an_int_are_noticed() -> None:
    type = TensorType((N, 1 << 20), F16)
    assert span_of(type, {"N": (1, 2046)}) == 2047 << 20 and span_of(type, {"N": (1, 2047)}) is None
    assert span_of(type, {"N": (1, None)}) is None
    operands = Block([type, TensorType((1 << 20, 8), F16)]).arguments
    for most, wide in ((2046, False), (4096, True)):
        found = problem_of(Matmul(*operands), {"N": (1, 2, most)})
        assert found is not None and found.wide == wide


def test_what_kernels_do_not_take_is_no_problem() -> None:
    x, w = TensorType((2, 6, 5, 5), F16), TensorType((4, 6, 3, 3), F16)
    assert problem_of(Conv(*Block([x, w]).arguments)) is None  # weights with the window innermost
    assert problem_of(Relu(*Block([x]).arguments)) is None


def test_prices_do_not_depend_on_the_length_of_a_buffer() -> None:
    def of(step: int, offset: int = 0) -> Problem:
        a = TensorType((64, 32), F16, Layout((), (step, 1), offset))
        return replace(
            matmul("f16", (64, 32), (32, 8)).problem, rows=(RowAxis(64, step),), a_offset=a.layout.offset
        )

    assert as_priced(of(32)) == as_priced(of(320)) == as_priced(of(320, 64))
    assert as_priced(of(33)) != as_priced(of(32)) and as_priced(of(33)).a_vector == 1
    assert as_priced(of(36)).a_vector == of(36).a_vector == 4
