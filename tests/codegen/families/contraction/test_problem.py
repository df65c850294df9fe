"""Contractions as problems: what a problem says, carried out element by element, is the contraction."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.contraction.axes import RowAxis
from glassrt.codegen.families.contraction.problem import Problem, as_priced
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.types import Layout, TensorType
from hypothesis import given, settings

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


def test_prices_do_not_depend_on_the_length_of_a_buffer() -> None:
    def of(step: int, offset: int = 0) -> Problem:
        a = TensorType((64, 32), F16, Layout((), (step, 1), offset))
        return replace(
            matmul("f16", (64, 32), (32, 8)).problem, rows=(RowAxis(64, step),), a_offset=a.layout.offset
        )

    assert as_priced(of(32)) == as_priced(of(320)) == as_priced(of(320, 64))
    assert as_priced(of(33)) != as_priced(of(32)) and as_priced(of(33)).a_vector == 1
    assert as_priced(of(36)).a_vector == of(36).a_vector == 4


@pytest.mark.parametrize(
    ("dtype", "channels", "taps", "astride"),
    [
        ("f16", 96, 3, True),
        ("f16", 112, 3, True),
        ("f16", 128, 3, False),  # whole lines of the cache
        ("f16", 48, 3, False),  # a tap is less than one
        ("i8", 96, 3, False),
        ("f16", 96, 1, False),  # rows, not taps
    ],
)
def test_lines_of_taps_that_begin_within_those_of_the_cache(
    dtype: str, channels: int, taps: int, astride: bool
) -> None:
    case = conv(dtype, (1, channels, 3, 3), (8, channels, taps, taps), pad=taps // 2)
    assert case.problem.is_astride is astride
