"""Reductions: definitions against numpy, numpy against ONNX Runtime, and their edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BOOL, F32, F64, I32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.reduction import ArgReduce, Cumprod, Cumsum, Reduce
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import NUMBERS, axes_of, dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...property.onnx_runs import run_onnx

X = np.array([[[3, -1, 3], [0, 2.5, -7]], [[1, 1, 1], [9, -9, 0.5]]], np.float32)


@pytest.mark.parametrize("kind", ["sum", "mean", "prod", "max", "min"])
@given(data=st.data())
def test_reduce_definition_is_numpy(kind: str, data: DataObject) -> None:
    dtype = data.draw(dtypes(*NUMBERS))
    shape = data.draw(shapes(least=1, side=3))
    # Partial sums of infinities and of opposite extremes depend on the order; extremes do not.
    x = data.draw(tensors(dtype, shape, special=not dtype.is_float or kind in ("max", "min"), limit=3.0))
    axes, keepdims = data.draw(axes_of(len(shape))), data.draw(st.booleans())
    check_op(Reduce, [x], symbolic=data.draw(st.booleans()), kind=kind, axes=axes, keepdims=keepdims)


@pytest.mark.parametrize("kind", ["any", "all"])
@given(data=st.data())
def test_logical_reduce_definition_is_numpy(kind: str, data: DataObject) -> None:
    shape = data.draw(shapes(least=1))
    x = data.draw(tensors(BOOL, shape))
    check_op(Reduce, [x], kind=kind, axes=data.draw(axes_of(len(shape))), keepdims=data.draw(st.booleans()))


@pytest.mark.parametrize("kind", ["max", "min"])
@given(data=st.data())
def test_arg_reduce_definition_is_numpy(kind: str, data: DataObject) -> None:
    shape = data.draw(shapes(least=1, side=4))
    x = data.draw(tensors(data.draw(dtypes(*NUMBERS)), shape))
    check_op(
        ArgReduce,
        [x],
        symbolic=data.draw(st.booleans()),
        kind=kind,
        axis=data.draw(st.integers(0, len(shape) - 1)),
        keepdims=data.draw(st.booleans()),
        select_last=data.draw(st.booleans()),
    )


@given(data=st.data())
def test_cumsum_definition_is_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*NUMBERS))
    shape = data.draw(shapes(least=1, side=4))
    x = data.draw(tensors(dtype, shape, special=not dtype.is_float))
    check_op(
        Cumsum,
        [x],
        symbolic=data.draw(st.booleans()),
        axis=data.draw(st.integers(0, len(shape) - 1)),
        exclusive=data.draw(st.booleans()),
        reverse=data.draw(st.booleans()),
    )


@pytest.mark.parametrize(
    ("kind", "dtype", "neutral"),
    [("sum", F32, 0), ("prod", F32, 1), ("max", F64, -math.inf), ("min", I32, 2**31 - 1), ("mean", I32, 0)],
)
def test_reducing_nothing(kind: str, dtype: Any, neutral: float) -> None:
    x = np.zeros((2, 0), dtype.numpy)
    check_op(Reduce, [x], kind=kind, axes=[1], keepdims=False)
    assert evaluated(build(Reduce, [x], kind=kind, axes=[1], keepdims=False), [x]).tolist() == [neutral] * 2


def test_nan_is_the_extreme() -> None:
    x = np.array([1, math.nan, 3, math.nan], np.float32)
    check_op(Reduce, [x], kind="max", axes=[0])
    for last, position in ((False, 1), (True, 3)):
        op = build(ArgReduce, [x], kind="max", axis=0, select_last=last, keepdims=False)
        assert evaluated(op, [x]) == position


def test_half_sums_are_accumulated_wide() -> None:
    x = np.full(5000, 1.0, np.float16)
    assert evaluated(build(Reduce, [x], kind="sum", axes=[0], keepdims=False), [x]) == 5000


def test_symbolic_shapes() -> None:
    x = Block().add_argument(TensorType((symbol("N"), 3, symbol("L")), F32))
    assert Reduce(x, kind="sum", axes=[1, 2], keepdims=False).y.type.shape == (symbol("N"),)
    assert Reduce(x, kind="sum", axes=[0]).y.type.shape == (1, 3, symbol("L"))
    assert Reduce(x, kind="sum", axes=[0]).flops() == symbol("N") * symbol("L") * 3


@pytest.mark.parametrize("axes", [[-1], [2], [1, 0], [0, 0]])
def test_axes_that_do_not_fit(axes: list[int]) -> None:
    with pytest.raises(IRError, match=r"graph\.reduce: .*ax[ei]s"):
        build(Reduce, [np.zeros((2, 3), np.float32)], kind="sum", axes=axes)


def test_types_that_do_not_fit() -> None:
    with pytest.raises(IRError, match="bool"):
        build(Reduce, [np.zeros(3, np.float32)], kind="any", axes=[0])
    with pytest.raises(IRError, match="no extreme"):
        build(ArgReduce, [np.zeros((3, 0), np.float32)], kind="max", axis=1)


# ---------------------------------------------------------------- ONNX Runtime


@pytest.mark.parametrize("kind", ["sum", "mean", "prod", "max", "min"])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reduce_as_onnxruntime(kind: str, keepdims: bool) -> None:
    expected = run_onnx(f"Reduce{kind.title()}", [X, np.array([0, 2])], keepdims=int(keepdims))
    actual = evaluated(build(Reduce, [X], kind=kind, axes=[0, 2], keepdims=keepdims), [X])
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_integer_mean_as_onnxruntime() -> None:
    x = np.array([[-7, 2], [5, 6]], np.int32)
    expected = run_onnx("ReduceMean", [x, np.array([1])], keepdims=0)
    actual = evaluated(build(Reduce, [x], kind="mean", axes=[1], keepdims=False), [x])
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize("last", [False, True])
def test_arg_reduce_as_onnxruntime(kind: str, last: bool) -> None:
    expected = run_onnx(f"Arg{kind.title()}", [X], axis=2, keepdims=0, select_last_index=int(last))
    op = build(ArgReduce, [X], kind=kind, axis=2, keepdims=False, select_last=last)
    np.testing.assert_array_equal(evaluated(op, [X]), expected)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumsum_as_onnxruntime(exclusive: bool, reverse: bool) -> None:
    expected = run_onnx("CumSum", [X, np.array(2)], exclusive=int(exclusive), reverse=int(reverse))
    actual = evaluated(build(Cumsum, [X], axis=2, exclusive=exclusive, reverse=reverse), [X])
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@given(st.data())
def test_cumprod(data: DataObject) -> None:
    dtype = data.draw(dtypes(*NUMBERS))
    x = data.draw(tensors(dtype, data.draw(shapes(least=1)), special=not dtype.is_float, limit=2))
    flags = {"exclusive": data.draw(st.booleans()), "reverse": data.draw(st.booleans())}
    axis = data.draw(st.integers(0, x.ndim - 1))
    check_op(Cumprod, [x], symbolic=data.draw(st.booleans()), axis=axis, **flags)


@pytest.mark.parametrize(
    ("exclusive", "reverse", "expected"),
    [
        (False, False, [2, 6, 24]),
        (True, False, [1, 2, 6]),
        (False, True, [24, 12, 4]),
        (True, True, [12, 4, 1]),
    ],
)
def test_cumprod_forms(exclusive: bool, reverse: bool, expected: list[int]) -> None:
    x = np.array([2, 3, 4], np.int32)
    built = build(Cumprod, [x], axis=0, exclusive=exclusive, reverse=reverse)
    assert evaluated(built, [x]).tolist() == expected
