"""Pooling: definitions against numpy, numpy against ONNX Runtime, symbolic shapes, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import BF16, F16, F32, F64, U8, DType
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.pool import AvgPool, LpPool, MaxPool, MaxPoolIndices
from glassrt.errors import IRError
from glassrt.testing.op_checks import assert_close, build, check_op, evaluated
from glassrt.testing.strategies import dtypes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ...property.onnx_runs import run_onnx

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(11)


@st.composite
def pools(draw: DrawFn, *, most: int = 2, dilated: bool = True) -> tuple[tuple[int, ...], dict[str, Any]]:
    """The shape of x and the attributes of a pool; pads are smaller than the window."""
    rank = draw(st.integers(1, most))

    def each(low: int, high: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank))

    kernel, strides = each(1, 3), each(1, 3)
    dilations = each(1, 2) if dilated else [1] * rank
    pads = [draw(st.integers(0, k - 1)) for k in kernel * 2]
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    sizes = [draw(st.integers(max(s - pads[i] - pads[i + rank], 1), s + 4)) for i, s in enumerate(spans)]
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *sizes)
    attributes: dict[str, Any] = {"strides": strides, "dilations": dilations, "pads": pads}
    return shape, {**attributes, "kernel": kernel, "ceil_mode": draw(st.booleans())}


def numbers(shape: tuple[int, ...], dtype: DType = F32) -> Array:
    if dtype.is_integer:
        return RANDOM.integers(0, 200, shape).astype(dtype.numpy)
    return RANDOM.standard_normal(shape).astype(dtype.numpy)


def onnx_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    renamed = {key: value for key, value in attributes.items() if key != "kernel"}
    flags = {key: int(value) for key, value in renamed.items() if isinstance(value, bool)}
    return {**renamed, **flags, "kernel_shape": attributes["kernel"]}


@settings(max_examples=40)
@given(pools(), dtypes(F32, F64, F16, BF16, U8), st.booleans())
def test_max_pool_definition_is_numpy(pool: Any, dtype: DType, symbolic: bool) -> None:
    shape, attributes = pool
    x = numbers(shape, dtype)
    check_op(MaxPool, [x], symbolic=symbolic, **attributes)


@settings(max_examples=40)
@given(pools(dilated=False), st.booleans(), st.booleans())
def test_max_pool_indices_definition_is_numpy(pool: Any, column_major: bool, symbolic: bool) -> None:
    shape, attributes = pool
    check_op(MaxPoolIndices, [numbers(shape)], symbolic=symbolic, column_major=column_major, **attributes)


@given(pools(most=3), dtypes(F32, F64, U8))
def test_max_pool_is_onnx(pool: Any, dtype: DType) -> None:
    shape, attributes = pool
    x = numbers(shape, dtype)
    result = evaluated(build(MaxPool, [x], **attributes), [x])
    expected = run_onnx("MaxPool", [x], **onnx_attributes(attributes))
    # A dilated window may see nothing but padding: the maximum of nothing is -inf here.
    seen = result > -np.inf
    np.testing.assert_array_equal(result[seen], expected[seen])


@given(pools(dilated=False))
def test_indices_lead_to_the_largest_elements(pool: Any) -> None:
    shape, attributes = pool
    x = numbers(shape)
    largest = evaluated(build(MaxPool, [x], **attributes), [x])
    rows = evaluated(build(MaxPoolIndices, [x], **attributes), [x])
    np.testing.assert_array_equal(x.reshape(-1)[rows], largest)
    columns = evaluated(build(MaxPoolIndices, [x], column_major=True, **attributes), [x])
    flat = np.stack([plane.reshape(-1, order="F") for plane in x.reshape(-1, *shape[2:])])
    np.testing.assert_array_equal(flat.reshape(-1)[columns], largest)


@settings(max_examples=40)
@given(pools(), dtypes(F32, F64, F16, BF16), st.booleans(), st.booleans())
def test_avg_pool_definition_is_numpy(pool: Any, dtype: DType, include: bool, symbolic: bool) -> None:
    shape, attributes = pool
    check_op(AvgPool, [numbers(shape, dtype)], symbolic=symbolic, count_include_pad=include, **attributes)


@given(pools(most=3), st.booleans())
def test_avg_pool_is_onnx(pool: Any, include: bool) -> None:
    shape, attributes = pool
    x = numbers(shape)
    attributes["count_include_pad"] = include
    result = evaluated(build(AvgPool, [x], **attributes), [x])
    assert_close(result, run_onnx("AveragePool", [x], **onnx_attributes(attributes)), F32)


@settings(max_examples=30)
@given(pools(), dtypes(F32, F64, F16, BF16), st.integers(1, 3))
def test_lp_pool_definition_is_numpy(pool: Any, dtype: DType, p: int) -> None:
    shape, attributes = pool
    check_op(LpPool, [numbers(shape, dtype)], p=p, **attributes)


@settings(max_examples=30)
@given(pools(dilated=False), st.integers(1, 3))
def test_lp_pool_is_onnx(pool: Any, p: int) -> None:
    shape, attributes = pool
    attributes.update(ceil_mode=False, p=p)
    x = numbers(shape)
    result = evaluated(build(LpPool, [x], **attributes), [x])
    assert_close(result, run_onnx("LpPool", [x], **onnx_attributes(attributes)), F32)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 3), st.integers(0, 3), st.integers(1, 30))
def test_rounded_up_sizes(kernel: int, stride: int, begin: int, end: int, size: int) -> None:
    """The rule as ONNX words it, against the one formula that serves symbols as well."""
    if size + begin + end < kernel or end >= kernel:
        return
    expected = -(-(size + begin + end - kernel) // stride) + 1
    if (expected - 1) * stride >= size + begin:
        expected -= 1
    x = Block().add_argument(TensorType((1, 1, symbol("L")), F32))
    pool = MaxPool(x, kernel=[kernel], strides=[stride], pads=[begin, end], ceil_mode=True)
    assert evaluate(pool.y.type.shape[2], {"L": size}) == expected


@pytest.mark.parametrize(
    "attributes", [{"kernel": [2], "pads": [3, 4]}, {"kernel": [2], "pads": [1, 1], "dilations": [2]}]
)
def test_the_mean_of_padding_is_zero(attributes: dict[str, Any]) -> None:
    x = np.ones((1, 1, 1), np.float32)
    check_op(AvgPool, [x], **attributes)
    result = evaluated(build(AvgPool, [x], **attributes), [x])
    assert set(result.ravel().tolist()) <= {0.0, 1.0}
    assert result[0, 0, 0] == 0


def test_nan_is_the_largest() -> None:
    x = np.array([[[1, np.nan, 3, 4]]], np.float32)
    check_op(MaxPool, [x], kernel=[2])
    assert np.isnan(evaluated(build(MaxPool, [x], kernel=[2]), [x])).tolist() == [[[True, True, False]]]


def test_symbolic_shapes() -> None:
    x = Block().add_argument(TensorType((symbol("N"), 8, symbol("H"), 6), F32))
    pool = AvgPool(x, kernel=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0])
    assert [str(size) for size in pool.y.type.shape] == ["N", "8", "floordiv(H+1, 2)", "3"]
    assert pool.flops() == pool.y.type.elements * 6


@pytest.mark.parametrize(
    ("op", "attributes", "message"),
    [
        (MaxPool, {"kernel": [3]}, "kernel"),
        (MaxPool, {"kernel": [6, 2]}, "does not fit"),
        (MaxPool, {"kernel": [2, 2], "strides": [0, 1]}, "strides"),
        (LpPool, {"kernel": [2, 2], "p": 0}, "order 0"),
    ],
)
def test_pools_that_do_not_fit(op: Any, attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(IRError, match=message):
        build(op, [np.zeros((1, 2, 5, 5), np.float32)], **attributes)


def test_integers_have_no_mean() -> None:
    with pytest.raises(IRError, match="mean of i32"):
        build(AvgPool, [np.zeros((1, 2, 5), np.int32)], kernel=[2])
