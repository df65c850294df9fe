"""Contractions of integers, and dynamic quantization: what ONNX Runtime computes, and what numpy does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from .nodes import Array, Case, case, check, expanded, label, real, whole

I8, U8, I32, F32 = np.int8, np.uint8, np.int32, np.float32


def byte(*shape: int, dtype: Any = U8) -> Array:
    low, high = (0, 256) if dtype == U8 else (-128, 128)
    return whole(*shape, dtype=dtype, low=low, high=high)


def one(value: float, dtype: Any = F32) -> Array:
    return np.array(value, dtype)


ASYMMETRIC = np.array([-3, 5, 0, 90], I8)

INTEGER = [
    case("MatMulInteger", 10, byte(3, 300), byte(300, 4)),
    *[
        case("MatMulInteger", 10, byte(3, 50, dtype=d), byte(50, 4, dtype=I8), one(117, d), zero)
        for d in (U8, I8)
        for zero in (None, one(-3, I8), ASYMMETRIC)
    ],
    case("MatMulInteger", 10, byte(2, 3, 5), byte(2, 5, 4, dtype=I8), None, one(9, I8)),
    case("ConvInteger", 10, byte(2, 3, 6, 6), byte(4, 3, 3, 3), pads=[1, 1, 2, 0], strides=[2, 1]),
    *[
        case(
            "ConvInteger", 10, byte(2, 4, 6, 5), byte(6, 2, 3, 2), x_zero, w_zero, group=2, pads=[1, 1, 1, 0]
        )
        for x_zero in (None, one(200, U8))
        for w_zero in (None, one(130, U8))
    ],
    case("ConvInteger", 10, byte(1, 2, 9), byte(3, 2, 3), one(7, U8), one(4, U8), dilations=[2]),
]

DYNAMIC = [
    case("DynamicQuantizeLinear", 11, x, outputs=3)
    for x in (real(5, 7), real(9, low=1, high=3), real(9, low=-3, high=-1), np.zeros(4, F32), one(2.5))
]


@pytest.mark.parametrize(("given", "opset"), expanded([*INTEGER, *DYNAMIC]), ids=label)
def test_integer_ops_are_those_of_onnx_runtime(given: Case, opset: int) -> None:
    check(given, opset)


KINDS = st.sampled_from([(U8, U8), (U8, I8), (I8, U8), (I8, I8)])


@settings(max_examples=25)
@over(
    kinds=KINDS,
    lead=st.sampled_from([(), (2,)]),
    sizes=st.tuples(*[st.integers(1, 5)] * 3),
    a_zero=st.sampled_from(["none", "one", "rows"]),
    b_zero=st.sampled_from(["none", "one", "columns"]),
)
def test_products_subtract_zero_points(
    kinds: tuple[Any, Any], lead: tuple[int, ...], sizes: tuple[int, ...], a_zero: str, b_zero: str
) -> None:
    """By rows and by columns too, which ONNX Runtime does not have of the first operand."""
    m, k, n = sizes
    a, b = byte(*lead, m, k, dtype=kinds[0]), byte(*lead, k, n, dtype=kinds[1])
    shapes = {"none": None, "one": (), "rows": (m,) if not lead else (*lead, m, 1), "columns": (n,)}
    zeros = [
        None if shapes[kind] is None else byte(*shapes[kind], dtype=dtype)  # type: ignore[misc]
        for kind, dtype in ((a_zero, kinds[0]), (b_zero, kinds[1]))
    ]
    given = case("MatMulInteger", 10, a, b, *zeros)
    left, right = a.astype(I32), b.astype(I32)
    if zeros[0] is not None:
        left = left - (zeros[0].astype(I32)[:, None] if zeros[0].ndim == 1 else zeros[0].astype(I32))
    if zeros[1] is not None:
        right = right - zeros[1].astype(I32)
    have = interpret(import_model(given.model(10)), given.inputs)["y0"]
    np.testing.assert_array_equal(have, left @ right)
    assert have.dtype == I32


@pytest.mark.parametrize(
    ("op", "zeros", "problem"),
    [
        ("MatMulInteger", (whole(5, dtype=U8, low=1), None), "'x2' is tensor<5xu8>, which does not fit"),
        ("MatMulInteger", (None, whole(5, dtype=U8, low=1)), "'x3' is tensor<5xu8>, which does not fit"),
        ("ConvInteger", (whole(3, dtype=U8, low=1), None), "'x2' is tensor<3xu8>, one number is expected"),
        ("ConvInteger", (None, whole(5, dtype=U8, low=1)), "'x3' is tensor<5xu8>, which does not fit"),
    ],
)
def test_zero_points_of_other_sizes_are_named(op: str, zeros: tuple[Any, Any], problem: str) -> None:
    operands = (byte(3, 4), byte(4, 2)) if op == "MatMulInteger" else (byte(1, 3, 4, 4), byte(2, 3, 1, 1))
    with pytest.raises(ModelError, match=problem):
        import_model(case(op, 10, *operands, *zeros).model(10))
