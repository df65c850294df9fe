"""Scatters: definitions against numpy, numpy against ONNX Runtime, repeated indices and bad ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BOOL, F16, F32, F64, I32, I64, U8, DType
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.scatter import ScatterElements, ScatterNd
from glassrt.errors import IRError
from glassrt.testing.op_checks import assert_close, build, check_op, evaluated
from glassrt.testing.strategies import dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...codegen.one_kernel import compare, kernel_module
from ...property.onnx_runs import run_onnx

Array = np.ndarray[Any, Any]
KINDS = ("none", "add", "mul", "max", "min")


def positions(data: DataObject, shape: tuple[int, ...], extent: int) -> Array:
    """Indices into EXTENT elements, negative ones and repeated ones included."""
    count = int(np.prod(shape))
    numbers = data.draw(st.lists(st.integers(-extent, extent - 1), min_size=count, max_size=count))
    return np.array(numbers, np.int64).reshape(shape)


@given(st.data())
def test_scatter_elements(data: DataObject) -> None:
    dtype, kind = data.draw(dtypes(F32, F64, F16, I32, I64)), data.draw(st.sampled_from(KINDS))
    x = data.draw(tensors(dtype, data.draw(shapes(least=1)), special=False))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    shape = [data.draw(st.integers(1, size)) for size in x.shape]
    shape[axis] = data.draw(st.integers(1, 5))
    operands = [x, positions(data, tuple(shape), x.shape[axis]), data.draw(tensors(dtype, tuple(shape)))]
    check_op(ScatterElements, operands, symbolic=data.draw(st.booleans()), axis=axis, reduction=kind)
    result = evaluated(build(ScatterElements, operands, axis=axis, reduction=kind), operands)
    if dtype != F16 and np.isfinite(operands[2]).all():  # ONNX Runtime rounds after every update
        assert_close(result, run_onnx("ScatterElements", operands, axis=axis, reduction=kind), dtype)


@given(st.data())
def test_scatter_nd(data: DataObject) -> None:
    dtype, kind = data.draw(dtypes(F32, F64, I64)), data.draw(st.sampled_from(KINDS))
    x = data.draw(tensors(dtype, data.draw(shapes(least=1)), special=False))
    depth, lead = data.draw(st.integers(1, x.ndim)), data.draw(shapes(most=2))
    indices = np.stack([positions(data, lead, size) for size in x.shape[:depth]], axis=-1)
    operands = [x, indices, data.draw(tensors(dtype, (*lead, *x.shape[depth:]), special=False))]
    check_op(ScatterNd, operands, reduction=kind)
    result = evaluated(build(ScatterNd, operands, reduction=kind), operands)
    assert_close(result, run_onnx("ScatterND", operands, reduction=kind), dtype)


@pytest.mark.parametrize("op", [ScatterElements, ScatterNd])
def test_the_last_of_several_updates_counts_and_those_outside_are_dropped(op: Any) -> None:
    x, indices = np.zeros(4, np.uint8), np.array([2, 4, 2, -5, 0])
    operands = [x, indices[:, None] if op is ScatterNd else indices, np.arange(1, 6, dtype=np.uint8)]
    check_op(op, operands)
    assert evaluated(build(op, operands), operands).tolist() == [5, 0, 3, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_zero_without_updates_keeps_its_sign(kind: str) -> None:
    operands = [np.array([-0.0, 1], np.float32), np.array([1]), np.array([2], np.float32)]
    for result in (
        evaluated(build(ScatterElements, operands, reduction=kind), operands),
        ran(operands, kind),
    ):
        assert np.signbit(result).tolist() == [True, False]


def ran(operands: list[Array], kind: str) -> Array:
    """The scatter of OPERANDS by the kernel on the host."""
    types = [TensorType(a.shape, {"f": F32, "i": I64}[a.dtype.kind]) for a in operands]
    module = kernel_module(lambda do, *values: do(ScatterElements(*values, reduction=kind)), types)
    inputs = {f"x{place}": array for place, array in enumerate(operands)}
    [(got, want)] = compare(module, inputs)
    np.testing.assert_array_equal(got, want)
    return got


def test_the_kernel_of_a_scatter_with_many_updates() -> None:
    """So many that the threads of a block share the search for them."""
    draw = np.random.default_rng(3)
    module = kernel_module(
        lambda do, *values: do(ScatterNd(*values, reduction="add")),
        [TensorType((5, 6), F32), TensorType((90, 2), I64), TensorType((90,), F32)],
    )
    inputs = {"x0": draw.normal(size=(5, 6)), "x2": draw.normal(size=90)}
    arrays = {name: array.astype(np.float32) for name, array in inputs.items()}
    [(got, want)] = compare(module, arrays | {"x1": draw.integers(-5, 5, (90, 2))})
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def argument(dtype: DType, *shape: int) -> Any:
    return Block().add_argument(TensorType(shape, dtype))


@pytest.mark.parametrize(
    ("operands", "message"),
    [
        ([argument(F32, 4), argument(F32, 2), argument(F32, 2)], "integers are expected"),
        ([argument(F32, 4), argument(I64, 2), argument(U8, 2)], "different element types"),
        ([argument(F32, 4), argument(I64, 2), argument(F32, 3)], "differ in shape"),
        ([argument(F32, 4, 2), argument(I64, 2), argument(F32, 2)], "the indices have 1 dimensions"),
    ],
)
def test_bad_operands(operands: list[Any], message: str) -> None:
    with pytest.raises(IRError, match=message):
        ScatterElements(*operands)


def test_truth_values_are_not_added() -> None:
    operands = [argument(BOOL, 4), argument(I64, 2), argument(BOOL, 2)]
    ScatterElements(*operands)
    with pytest.raises(IRError, match="not bool"):
        ScatterElements(*operands, reduction="add")
