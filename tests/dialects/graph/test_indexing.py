"""Gathers, ranges and one-hot: definitions against numpy, numpy against ONNX Runtime, bad indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, F32, F64, I32, I64, DType
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.indexing import Gather, GatherElements, GatherNd, OneHot, Range
from glassrt.errors import IRError
from glassrt.testing.op_checks import assert_close, build, check_op, evaluated
from glassrt.testing.strategies import dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...property.onnx_runs import run_onnx

Array = np.ndarray[Any, Any]


def positions(data: DataObject, shape: tuple[int, ...], extent: int, dtype: DType = I64) -> Array:
    """Indices into EXTENT elements, negative ones included."""
    count = int(np.prod(shape))
    numbers = data.draw(st.lists(st.integers(-extent, extent - 1), min_size=count, max_size=count))
    return np.array(numbers, dtype.numpy).reshape(shape)


@given(st.data())
def test_gather(data: DataObject) -> None:
    dtype = data.draw(dtypes(F32, F16, I32, BOOL))
    x = data.draw(tensors(dtype, data.draw(shapes(least=1))))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    indices = positions(data, data.draw(shapes(most=2)), x.shape[axis], data.draw(dtypes(I64, I32)))
    check_op(Gather, [x, indices], symbolic=data.draw(st.booleans()), axis=axis)
    result = evaluated(build(Gather, [x, indices], axis=axis), [x, indices])
    np.testing.assert_array_equal(result, run_onnx("Gather", [x, indices], axis=axis))


@given(st.data())
def test_gather_elements(data: DataObject) -> None:
    x = data.draw(tensors(F32, data.draw(shapes(least=1))))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    shape = [data.draw(st.integers(1, size)) for size in x.shape]
    shape[axis] = data.draw(st.integers(1, 5))
    indices = positions(data, tuple(shape), x.shape[axis])
    check_op(GatherElements, [x, indices], symbolic=data.draw(st.booleans()), axis=axis)
    result = evaluated(build(GatherElements, [x, indices], axis=axis), [x, indices])
    np.testing.assert_array_equal(result, run_onnx("GatherElements", [x, indices], axis=axis))


@given(st.data())
def test_gather_nd(data: DataObject) -> None:
    x = data.draw(tensors(F32, data.draw(shapes(least=1))))
    batch = data.draw(st.integers(0, x.ndim - 1))
    depth = data.draw(st.integers(1, x.ndim - batch))
    lead = (*x.shape[:batch], *data.draw(shapes(most=2)))
    columns = [positions(data, lead, x.shape[batch + place]) for place in range(depth)]
    indices = np.stack(columns, axis=-1)
    check_op(GatherNd, [x, indices], batch_dims=batch)
    result = evaluated(build(GatherNd, [x, indices], batch_dims=batch), [x, indices])
    np.testing.assert_array_equal(result, run_onnx("GatherND", [x, indices], batch_dims=batch))


@pytest.mark.parametrize("op", [Gather, GatherElements, GatherNd])
def test_indices_outside_give_the_nearest_element(op: Any) -> None:
    x, indices = np.arange(4, dtype=np.float32), np.array([7, -9, 3, -4])
    operands = [x, indices[:, None] if op is GatherNd else indices]
    check_op(op, operands)
    assert evaluated(build(op, operands), operands).tolist() == [3, 0, 3, 0]


@given(st.data())
def test_range(data: DataObject) -> None:
    dtype = data.draw(dtypes(F32, F64, F16, BF16, I64, I32))
    start, delta = (np.asarray(data.draw(st.integers(-5, 5))).astype(dtype.numpy) for _ in range(2))
    size = data.draw(st.integers(0, 9))
    check_op(Range, [start, delta], size=size)
    result = evaluated(build(Range, [start, delta], size=size), [start, delta])
    if delta and dtype not in (F16, BF16):
        limit = np.asarray(start + size * delta).astype(dtype.numpy)
        assert_close(result, run_onnx("Range", [start, limit, delta]), dtype)


def test_range_of_a_symbolic_length() -> None:
    block = Block()
    start, delta = (block.add_argument(TensorType((), I64)) for _ in range(2))
    built = Range(start, delta, size=symbol("N"))
    assert built.y.type.shape == (symbol("N"),)
    assert built.flops() == symbol("N") * 2


@given(st.data())
def test_one_hot(data: DataObject) -> None:
    dtype = data.draw(dtypes(F32, I64))
    shape, depth = data.draw(shapes(least=1, most=2)), data.draw(st.integers(1, 4))
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    # Two more than the depth on either side: these match nowhere.
    indices = positions(data, shape, depth + 2)
    values = np.array([data.draw(st.integers(-9, 9)) for _ in range(2)]).astype(dtype.numpy)
    check_op(OneHot, [indices, values], depth=depth, axis=axis)
    result = evaluated(build(OneHot, [indices, values], depth=depth, axis=axis), [indices, values])
    expected = run_onnx("OneHot", [indices, np.array(depth), values], axis=axis)
    np.testing.assert_array_equal(result, expected)


def test_one_hot_takes_indices_of_any_number_type() -> None:
    values = np.array([0.0, 1.0], np.float32)
    check_op(OneHot, [np.array([0, 2, 9], np.float32), values], depth=3)
    check_op(OneHot, [np.array(1, np.int32), values], depth=3)


def test_symbolic_shapes() -> None:
    block = Block()
    table = block.add_argument(TensorType((1000, symbol("C")), F32))
    tokens = block.add_argument(TensorType((symbol("N"), symbol("L")), I64))
    assert Gather(table, tokens).y.type.shape == (symbol("N"), symbol("L"), symbol("C"))
    values = block.add_argument(TensorType((2,), F32))
    assert OneHot(tokens, values, depth=symbol("C"), axis=1).y.type.shape == tuple(map(symbol, "NCL"))


FLOATS = np.zeros((2, 3), np.float32)
INDICES = np.zeros((2, 2), np.int64)


@pytest.mark.parametrize(
    ("op", "arrays", "attributes", "message"),
    [
        (Gather, [FLOATS, FLOATS], {}, "integers are expected"),
        (Gather, [FLOATS, INDICES], {"axis": 2}, "axis 2"),
        (Gather, [FLOATS[0, 0], INDICES], {}, "scalar"),
        (GatherElements, [FLOATS, INDICES[0]], {}, "1 dimensions"),
        (GatherNd, [FLOATS, INDICES], {"batch_dims": 2}, "do not fit"),
        (GatherNd, [FLOATS, np.zeros((3, 1), np.int64)], {"batch_dims": 1}, "differ"),
        (GatherNd, [FLOATS, np.zeros((2, 3), np.int64)], {}, "do not fit"),
        (Range, [INDICES[0], INDICES[0]], {"size": 3}, "scalars"),
        (Range, [INDICES[0, 0], INDICES[0, 0]], {"size": -3}, "negative"),
        (OneHot, [INDICES, FLOATS], {"depth": 3}, "off and on"),
    ],
)
def test_operands_that_do_not_fit(op: Any, arrays: Any, attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(IRError, match=message):
        build(op, [np.asarray(array) for array in arrays], **attributes)
