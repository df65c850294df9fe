"""Matrix products: definitions against numpy, numpy against ONNX Runtime, symbolic shapes, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, F64, I32, DType
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.contraction import Matmul
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import dtypes, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

from ...property.onnx_runs import run_onnx

Array = np.ndarray[Any, Any]


@settings(max_examples=30)
@given(st.data(), dtypes(F32, F64, F16, BF16, I32))
def test_matmul_definition_is_numpy(data: st.DataObject, dtype: DType) -> None:
    m, n, k = (data.draw(st.integers(1, 4)) for _ in range(3))
    lead = data.draw(st.sampled_from([((), ()), ((2,), ()), ((), (2,)), ((3, 1), (2,)), ((2,), (2,))]))
    flips = data.draw(st.booleans()), data.draw(st.booleans())
    a_shape = (*lead[0], *((k, m) if flips[0] else (m, k)))
    b_shape = (*lead[1], *((n, k) if flips[1] else (k, n)))
    arrays = [data.draw(tensors(dtype, shape, special=False)) for shape in (a_shape, b_shape)]
    symbolic = data.draw(st.booleans())
    check_op(Matmul, arrays, symbolic=symbolic, transpose_a=flips[0], transpose_b=flips[1])
    if flips == (False, False) and dtype == F32:
        result = evaluated(build(Matmul, arrays), arrays)
        np.testing.assert_allclose(result, run_onnx("MatMul", arrays), rtol=1e-4, atol=1e-3)


def test_matmul_accumulates_small_integers_wide() -> None:
    a, b = np.full((1, 300), 100, np.int8), np.full((300, 1), 100, np.int8)
    assert evaluated(build(Matmul, [a, b], accumulate=I32), [a, b]).item() == 3_000_000
    check_op(Matmul, [a, b], accumulate=I32)


def test_half_sums_are_accumulated_wide() -> None:
    a, b = np.ones((1, 5000), np.float16), np.ones((5000, 1), np.float16)
    assert evaluated(build(Matmul, [a, b]), [a, b]).item() == 5000


def test_symbolic_shapes() -> None:
    n, h = symbol("N"), symbol("H")
    block = Block()
    x = block.add_argument(TensorType((n, 6, h, 2 * h), F32))
    product = Matmul(x, block.add_argument(TensorType((2 * h, 7), F32)))
    assert product.y.type.shape == (n, 6, h, 7)
    assert product.flops() == n * h * h * (6 * 7 * 2 * 2)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [((2, 3), (2, 3), "inner"), ((3,), (3, 2), "two dimensions"), ((2, 2, 3), (3, 3, 2), "broadcast")],
)
def test_products_that_do_not_fit(a: tuple[int, ...], b: tuple[int, ...], message: str) -> None:
    with pytest.raises(IRError, match=message):
        build(Matmul, [np.zeros(a, np.float32), np.zeros(b, np.float32)])
    with pytest.raises(IRError, match="element types"):
        build(Matmul, [np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float16)])


def test_sums_of_bytes_are_exact() -> None:
    a, b = np.full((1, 3001), 255, np.uint8), np.full((3001, 1), -127, np.int8)
    check_op(Matmul, [a, b], accumulate=I32)
    op = build(Matmul, [a, b], accumulate=I32)
    assert evaluated(op, [a, b]).tolist() == [[-255 * 127 * 3001]]


def test_bytes_of_two_kinds_need_a_wide_sum() -> None:
    a, b = np.ones((2, 2), np.uint8), np.ones((2, 2), np.int8)
    for options in ({}, {"accumulate": F32}):
        with pytest.raises(IRError, match="different element types"):
            build(Matmul, [a, b], **options)
