"""Nodes that quantize, and nodes on quantized tensors, mean what ONNX Runtime computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from ...models import run_onnxruntime
from .graphs import model
from .nodes import Array, Case, case, check, expanded, label, real, whole

I8, U8, I16, U16, I32 = np.int8, np.uint8, np.int16, np.uint16, np.int32
F16, F32 = np.float16, np.float32

# Ties, saturation, infinities, and numbers that vanish.
EDGES = np.array(
    [0.5, 1.5, 2.5, -0.5, -1.5, 1e9, -1e9, np.inf, -np.inf, 200, -3.3, 3e38, -1e-40, 127.5, -128.5], F32
)


def byte(*shape: int, dtype: Any = U8) -> Array:
    low, high = (0, 256) if dtype == U8 else (-128, 128)
    return whole(*shape, dtype=dtype, low=low, high=high)


def one(value: float, dtype: Any = F32) -> Array:
    return np.array(value, dtype)


def scales(*shape: int) -> Array:
    return real(*shape, low=0.01, high=0.2)


QUANTIZE = [
    *[case("QuantizeLinear", (10, 13, 19, 21, 23), EDGES, one(1), one(z, d)) for z, d in ((3, U8), (-5, I8))],
    case("QuantizeLinear", (10, 13, 21), EDGES, one(0.3)),
    case("QuantizeLinear", 13, EDGES, np.array([0.7], F32), np.array([9], I8)),
    case("QuantizeLinear", (21, 23), EDGES, one(1), output_dtype=TensorProto.INT8),
    *[case("QuantizeLinear", 21, real(60, low=-9, high=9), one(2e-4), one(0, d)) for d in (I16, U16)],
    *[
        case("QuantizeLinear", (13, 21), real(2, 3, 4), scales(size), byte(size), axis=axis)
        for axis, size in ((0, 2), (1, 3), (2, 4), (-1, 4), (-2, 3))
    ],
    case("QuantizeLinear", 21, real(2, 7, 3), scales(2, 3, 3), byte(2, 3, 3), axis=1, block_size=3),
    case("QuantizeLinear", 19, real(40, dtype=F16), one(0.013, F16), one(3, I8)),
]

DEQUANTIZE = [
    *[
        case("DequantizeLinear", (10, 13, 19, 21, 23), byte(40, dtype=d), one(0.37), one(5, d))
        for d in (U8, I8)
    ],
    case("DequantizeLinear", (10, 21), byte(40), np.array([0.37], F32)),
    case("DequantizeLinear", (10, 13), whole(9, dtype=I32, low=-(2**31), high=2**31), one(0.01)),
    case("DequantizeLinear", 13, whole(3, 4, dtype=I32), scales(3), np.zeros(3, I32), axis=0, constant=[2]),
    *[
        case("DequantizeLinear", 21, whole(40, dtype=d, low=0, high=30000), one(0.37), one(5, d))
        for d in (I16, U16)
    ],
    *[
        case(
            "DequantizeLinear",
            (13, 21),
            byte(2, 3, 4, dtype=I8),
            scales(size),
            byte(size, dtype=I8),
            axis=axis,
        )
        for axis, size in ((0, 2), (1, 3), (-1, 4))
    ],
    case("DequantizeLinear", 21, byte(2, 7, 3), scales(2, 3, 3), byte(2, 3, 3), axis=1, block_size=3),
    case("DequantizeLinear", 21, byte(40), one(0.013, F16), one(3, U8)),
]

LINEAR = [
    case(
        "QLinearConv",
        10,
        *(byte(2, 4, 7, 7), one(0.03), one(120, U8)),
        *(byte(6, 2, 3, 3, dtype=I8), scales(6), np.zeros(6, I8)),
        *(one(1.1), one(130, U8), whole(6, dtype=I32, low=-3000, high=3000)),
        group=2,
        pads=[1, 1, 0, 2],
        strides=[2, 1],
    ),
    case(
        "QLinearConv",
        10,
        *(byte(1, 3, 5, 5), one(0.03), one(7, U8)),
        *(byte(2, 3, 2, 2), one(0.02), one(120, U8)),
        *(one(0.7), one(100, U8)),
    ),
    case(
        "QLinearMatMul",
        (10, 21),
        *(
            byte(2, 3, 5),
            one(0.03),
            one(7, U8),
            byte(5, 4, dtype=I8),
            one(0.02),
            one(-3, I8),
            one(0.4),
            one(99, U8),
        ),
    ),
    case(
        "QLinearMatMul",
        10,
        *(byte(3, 5, dtype=I8), one(0.03), one(7, I8), byte(5, 4, dtype=I8), scales(4), np.zeros(4, I8)),
        *(one(0.4), one(9, I8)),
    ),
]


def microsoft(op: str, *arrays: Array | None, **options: Any) -> Case:
    """A case of an op that ONNX Runtime computes in integers or by tables: a step apart here and there."""
    return case(op, 17, *arrays, domain="com.microsoft", steps=1, **options)


def triple(*shape: int, scale: float = 0.05, zero: int = 3, dtype: Any = U8) -> tuple[Array, Array, Array]:
    """A quantized tensor with its scale and zero point."""
    return byte(*shape, dtype=dtype), one(scale), one(zero, dtype)


def to(scale: float, zero: int, dtype: Any = U8) -> tuple[Array, Array]:
    """The scale and zero point of a result."""
    return one(scale), one(zero, dtype)


GEMM_B = byte(6, 5, dtype=I8)
GEMM_C = whole(5, dtype=I32, low=-99, high=99)

CONTRIBUTED = [
    microsoft("QLinearAdd", *triple(2, 3, 6, 5), *triple(2, 3, 6, 5, scale=0.11, zero=140), *to(0.1, 120)),
    microsoft("QLinearAdd", *triple(2, 3, dtype=I8), *triple(3, dtype=I8), *to(0.07, -3, I8)),
    microsoft("QLinearMul", *triple(2, 3, 6), *triple(2, 3, 6, zero=140), *to(0.3, 120)),
    microsoft("QLinearAveragePool", *triple(1, 3, 7, 6), *to(0.047, 9), kernel_shape=[3, 2], strides=[2, 1]),
    *[
        microsoft(
            *("QLinearAveragePool", *triple(1, 3, 7, 6, dtype=I8), *to(0.03, -9, I8)),
            **{"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": count},
        )
        for count in (0, 1)
    ],
    microsoft("QLinearGlobalAveragePool", *triple(2, 8, 7, 7), *to(0.02, 9), channels_last=0),
    microsoft("QLinearConcat", *to(0.05, 3), *triple(1, 2, 9), *triple(1, 4, 9, scale=0.1, zero=90), axis=1),
    microsoft("QLinearLeakyRelu", *triple(80, zero=100), *to(0.04, 30), alpha=0.2),
    microsoft("QLinearSigmoid", *triple(80, zero=100), *to(1 / 256, 0)),
    microsoft("QLinearSoftmax", *triple(4, 30, zero=100), *to(1 / 256, 0), opset=13, axis=-1),
    microsoft("QLinearSoftmax", *triple(4, 3, 5, zero=100), *to(1 / 256, 0), opset=12, axis=1),
    microsoft(
        "QGemm", *triple(4, 6), GEMM_B, scales(5), np.zeros(5, I8), GEMM_C, *to(0.5, 120), constant=[3]
    ),
    microsoft("QGemm", *triple(4, 6), GEMM_B.T.copy(), *to(0.1, 0, I8), None, *to(0.5, 120), transB=1),
    microsoft("QGemm", *triple(4, 6, dtype=I8), GEMM_B, *to(0.1, 4, I8), GEMM_C, *to(0.5, 9, I8), alpha=0.5),
    microsoft("QuantizeLinear", real(3, 4), scales(3), byte(3), axis=0),
    microsoft("Gelu", np.linspace(-6, 6, 80, dtype=F32)),
    microsoft("DequantizeLinear", whole(9, dtype=U16, low=0, high=65536), *to(0.1, 40000, U16)),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CONTRIBUTED), ids=label)
def test_contributed_ops_are_those_of_onnx_runtime(given: Case, opset: int) -> None:
    check(given, opset)


def halves(zero: int, dtype: Any) -> list[Case]:
    """Every op on results that are exact, half of them ties, stored with the zero point ZERO."""

    def q(*shape: int) -> tuple[Array, Array, Array]:
        return whole(*shape, dtype=dtype, low=0, high=12), one(1), one(3, dtype)

    y = (one(2), one(zero, dtype))
    return [
        case("QLinearAdd", 18, *q(4, 16), *q(4, 16), *y, domain="com.microsoft"),
        case("QLinearMul", 18, *q(4, 16), *q(4, 16), *y, domain="com.microsoft"),
        case("QLinearAveragePool", 18, *q(1, 8, 4, 5), *y, kernel_shape=[1, 2], domain="com.microsoft"),
        case("QLinearConcat", 18, *y, *q(4, 16), *q(4, 16), axis=0, domain="com.microsoft"),
        case("QLinearGlobalAveragePool", 18, *q(1, 64, 2, 2), *y, domain="com.microsoft"),
        case("QLinearLeakyRelu", 18, *q(4, 16), *y, alpha=0.5, domain="com.microsoft"),
    ]


@pytest.mark.parametrize("dtype", [U8, I8], ids=["u8", "i8"])
@pytest.mark.parametrize("zero", [0, 7, 60])
def test_ties_are_rounded_as_onnx_runtime_rounds_them(zero: int, dtype: Any) -> None:
    for given in halves(zero, dtype):
        check(given, 18)


@pytest.mark.parametrize(("given", "opset"), expanded([*QUANTIZE, *DEQUANTIZE]), ids=label)
def test_conversions_are_those_of_onnx_runtime(given: Case, opset: int) -> None:
    check(given, opset)


@pytest.mark.parametrize(("given", "opset"), expanded(LINEAR), ids=label)
def test_linear_ops_are_those_of_onnx_runtime(given: Case, opset: int) -> None:
    check(given, opset)


SPECIAL = [0.0, -0.0, np.inf, -np.inf, 3e38, -3e38, 1e-45, 0.5, 1.5, -2.5, 127.5, 255.5]


@settings(max_examples=40)
@over(data=st.data(), dtype=st.sampled_from([U8, I8]))
def test_quantize_over_shapes_axes_and_special_numbers(data: st.DataObject, dtype: Any) -> None:
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    count = int(np.prod(shape))
    numbers = st.sampled_from(SPECIAL) | st.floats(-400, 400, width=32)
    x = np.array(data.draw(st.lists(numbers, min_size=count, max_size=count)), F32).reshape(shape)
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    size = data.draw(st.sampled_from([(), (shape[axis],)]))
    numbers = st.floats(2**-7, 4, width=32)
    scale = np.array(data.draw(st.lists(numbers, min_size=int(np.prod(size)), max_size=4)), F32)
    scale = scale[: int(np.prod(size))].reshape(size)
    zero = byte(*size, dtype=dtype)
    check(case("QuantizeLinear", 13, x, scale, zero, axis=axis), 13)
    q = byte(*shape, dtype=dtype)
    check(case("DequantizeLinear", 13, q, scale, zero, axis=axis, tolerance=0), 13)


def test_nan_becomes_0_plainly() -> None:
    """ONNX says nothing of NaN; ONNX Runtime gives the lowest number on x64. Here it is 0, as in casts."""
    x = np.array([np.nan, 1.0], F32)
    given = case("QuantizeLinear", 13, x, one(1), one(-5, I8))
    assert interpret(import_model(given.model(13)), given.inputs)["y0"].tolist() == [0, -4]


def test_integers_are_quantized_as_numbers() -> None:
    """A form that ONNX has and ONNX Runtime has not."""
    x = np.array([-2000, -75, 11, 19, 26, 900], I32)
    given = case("QuantizeLinear", 13, x, one(7.5), one(11, I8))
    have = interpret(import_model(given.model(13)), given.inputs)["y0"]
    assert have.tolist() == [-128, 1, 12, 14, 14, 127]


@pytest.mark.parametrize("code", [TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E5M2])
@pytest.mark.parametrize("opset", [19, 21])
def test_short_floats(code: int, opset: int) -> None:
    """There and back, since no numpy of ONNX Runtime's holds them."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    x = np.concatenate([EDGES, real(200, low=-60, high=60), real(50, low=-0.01, high=0.01), [np.nan]])
    made = model(nodes, {"x": x.shape}, ["y"], {"s": one(0.3)}, opset=opset)
    made.graph.initializer.append(helper.make_tensor("z", code, [], [0.0]))
    inputs = {"x": x.astype(F32)}
    want = run_onnxruntime(made, inputs)["y"]
    np.testing.assert_array_equal(interpret(import_model(made), inputs)["y"], want)


@pytest.mark.parametrize("opset", [21, 23])
def test_scales_of_half_precision_divide_in_their_own_type_since_opset_23(opset: int) -> None:
    x, scale = np.linspace(-20, 20, 4001, dtype=np.float16), np.array(0.173, np.float16)
    given = case("QuantizeLinear", opset, x, scale, np.zeros((), I8))
    check(given, opset)
    apart = np.rint((x / scale).astype(F32)) != np.rint(x.astype(F32) / scale.astype(F32))
    assert apart.any()
