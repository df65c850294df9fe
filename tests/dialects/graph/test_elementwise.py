"""Elementwise ops: definitions against numpy, numpy against ONNX Runtime, and the rules of types."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BOOL, DTYPES, F16, F64, I32, I64, DType
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph import activations, binary, elementwise, trigonometric, unary
from glassrt.dialects.graph.base import GraphOp
from glassrt.dialects.graph.elementwise_base import Unary
from glassrt.dialects.graph.numeric import erf
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import INTEGERS, NUMBERS, broadcast_shapes, dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...property.onnx_runs import run_onnx

UNARY = [op for op in (*unary.OPS, *trigonometric.OPS, *activations.OPS) if issubclass(op, Unary)]
BINARY = list(binary.OPS)
BY_NAME = {op.__name__: op for op in elementwise.OPS}
PARAMETERS = {
    "graph.leaky_relu": {"alpha": 0.3},
    "graph.elu": {"alpha": 1.5},
    "graph.celu": {"alpha": 2.0},
    "graph.thresholded_relu": {"alpha": 0.7},
    "graph.shrink": {"lambd": 1.25, "bias": 0.5},
    "graph.hard_sigmoid": {"alpha": 0.4, "beta": 0.3},
    "graph.swish": {"alpha": 1.7},
}


def names(ops: list[Any]) -> list[str]:
    return [op.name.removeprefix("graph.") for op in ops]


def dtypes_for(op: type[Any]) -> tuple[DType, ...]:
    """The types of a selection that OP takes."""
    return tuple(dtype for dtype in (*NUMBERS, BOOL) if dtype.kind in op.kinds)


@pytest.mark.parametrize("op", UNARY, ids=names(UNARY))
@given(data=st.data())
def test_unary_definition_is_numpy(op: type[GraphOp], data: DataObject) -> None:
    dtype = data.draw(dtypes(*dtypes_for(op)))
    x = data.draw(tensors(dtype, data.draw(shapes(most=2, side=3))))
    check_op(op, [x], symbolic=data.draw(st.booleans()), **PARAMETERS.get(op.name, {}))


@pytest.mark.parametrize("op", BINARY, ids=names(BINARY))
@given(data=st.data())
def test_binary_definition_is_numpy(op: type[GraphOp], data: DataObject) -> None:
    dtype = data.draw(dtypes(*dtypes_for(op)))
    arrays = [data.draw(tensors(dtype, shape)) for shape in data.draw(broadcast_shapes(2))]
    check_op(op, arrays, symbolic=data.draw(st.booleans()))


@given(data=st.data())
def test_clip_definition_is_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*NUMBERS))
    x = data.draw(tensors(dtype, (2, 3)))
    bounds = [data.draw(st.none() | tensors(dtype, ())) for _ in range(2)]
    check_op(elementwise.Clip, _trimmed([x, *bounds]), symbolic=data.draw(st.booleans()))


def _trimmed(arrays: list[Any]) -> list[Any]:
    """Without absent operands at the end, which an op does not keep."""
    while arrays[-1] is None:
        arrays.pop()
    return arrays


@given(data=st.data())
def test_prelu_definition_is_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*NUMBERS))
    arrays = [data.draw(tensors(dtype, shape)) for shape in data.draw(broadcast_shapes(2))]
    check_op(elementwise.Prelu, arrays)


@given(data=st.data())
def test_where_definition_is_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*NUMBERS, BOOL))
    first, *others = data.draw(broadcast_shapes(3))
    arrays = [data.draw(tensors(BOOL, first)), *(data.draw(tensors(dtype, shape)) for shape in others)]
    check_op(elementwise.Where, arrays, symbolic=data.draw(st.booleans()))


@given(data=st.data())
def test_cast_definition_is_numpy(data: DataObject) -> None:
    source, target = (data.draw(dtypes(*DTYPES.values())) for _ in range(2))
    x = data.draw(tensors(source, (3,), limit=70000.0))
    check_op(elementwise.Cast, [x], to=target)


@given(data=st.data())
def test_bit_cast_definition_is_numpy(data: DataObject) -> None:
    source = data.draw(dtypes(*DTYPES.values()))
    same = [dtype for dtype in DTYPES.values() if dtype.bits == source.bits]
    numbers = data.draw(st.binary(min_size=3 * source.bytes, max_size=3 * source.bytes))
    codes = np.frombuffer(numbers, np.uint8) & ((1 << min(source.bits, 8)) - 1)
    x = codes.astype(np.uint8).view(source.numpy)
    if source == BOOL:
        x = np.frombuffer(numbers, np.uint8) > 99
    elif source.is_float:
        x = np.where(np.isnan(x), x.dtype.type(1.5), x)  # a NaN may lose its payload on the way
    check_op(elementwise.BitCast, [x], to=data.draw(dtypes(*same)))


def test_bit_cast_keeps_the_width() -> None:
    with pytest.raises(IRError, match="differ in width"):
        build(elementwise.BitCast, [np.zeros(3, np.float32)], to=I64)


# ---------------------------------------------------------------- numbers at the edges


def test_f16_is_rounded_once() -> None:
    x = np.array([0.1, 1.7, -3.3, 60000.0], np.float16)
    wide = x.astype(np.float32)
    exact = 0.5 * wide * (1 + erf(wide / math.sqrt(2)))
    np.testing.assert_array_equal(evaluated(build(activations.Gelu, [x]), [x]), exact.astype(np.float16))
    total = evaluated(build(binary.Add, [x, x]), [x, x])
    assert total[-1] == np.inf


# ---------------------------------------------------------------- types


@pytest.mark.parametrize("op", elementwise.OPS, ids=names(list(elementwise.OPS)))
def test_every_op_is_elementwise_by_trait(op: type[GraphOp]) -> None:
    assert op.spec.traits == {Trait.ELEMENTWISE}
    assert not has(op, Trait.MOVEMENT)


# ---------------------------------------------------------------- ONNX Runtime

X = np.array([-3.5, -2.5, -1.0, -0.6, -0.0, 0.0, 0.3, 0.5, 1.0, 1.5, 2.5, 7.0], np.float32)
UNIT = np.linspace(-0.95, 0.95, 12, dtype=np.float32)
ABOVE = np.linspace(1.0, 9.0, 12, dtype=np.float32)
PLAIN = """Neg Abs Sign Floor Ceil Round Exp Sin Cos Tan Atan Sinh Cosh Tanh Asinh Erf Sigmoid Relu LeakyRelu
Elu Selu Celu HardSigmoid HardSwish Softplus Softsign Mish ThresholdedRelu Shrink Gelu"""
ONNX_UNARY = [
    *[(name, name, X) for name in PLAIN.split()],
    *[(name, name, UNIT) for name in ("Asin", "Acos", "Atanh")],
    *[(name, name, ABOVE) for name in ("Sqrt", "Reciprocal", "Log", "Acosh")],
    ("IsNaN", "Isnan", np.array([1, math.nan, math.inf], np.float32)),
    ("IsInf", "Isinf", np.array([1, math.nan, math.inf, -math.inf], np.float32)),
]


@pytest.mark.parametrize(("onnx_name", "name", "x"), ONNX_UNARY, ids=[case[0] for case in ONNX_UNARY])
def test_unary_as_onnxruntime(onnx_name: str, name: str, x: Any) -> None:
    op = BY_NAME[name]
    attributes = PARAMETERS.get(op.name, {})
    expected = run_onnx(onnx_name, [x], **attributes)
    actual = evaluated(build(op, [x], **attributes), [x])
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


Y = np.array([2.0, -1.5, 3.0, 0.5, 1.0, 2.0, -2.0, 0.5, 1.0, 2.0, 2.5, 3.0], np.float32)
INTEGER_X, INTEGER_Y = np.array([7, -7, 7, -7, 9], np.int32), np.array([2, 2, -2, -2, 4], np.int32)
ONNX_BINARY = [
    *[(name, name, X, Y) for name in ("Add", "Sub", "Mul", "Div", "Min", "Max", "Equal", "Less", "Greater")],
    ("LessOrEqual", "LessEqual", X, Y),
    ("GreaterOrEqual", "GreaterEqual", X, Y),
    ("Pow", "Pow", ABOVE, Y),
    ("PRelu", "Prelu", X, Y),
    *[(name, name, INTEGER_X, INTEGER_Y) for name in ("Add", "Div", "Mod", "BitwiseAnd", "BitwiseXor")],
    *[(name, name, X > 0, Y > 1) for name in ("And", "Or", "Xor")],
]


@pytest.mark.parametrize(
    ("onnx_name", "name", "x", "y"), ONNX_BINARY, ids=[f"{case[0]}-{case[2].dtype}" for case in ONNX_BINARY]
)
def test_binary_as_onnxruntime(onnx_name: str, name: str, x: Any, y: Any) -> None:
    actual = evaluated(build(BY_NAME[name], [x, y]), [x, y])
    np.testing.assert_allclose(actual, run_onnx(onnx_name, [x, y]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("target", [I32, F16, F64, BOOL], ids=str)
def test_cast_as_onnxruntime(target: DType) -> None:
    expected = run_onnx("Cast", [X], to=target)
    np.testing.assert_array_equal(evaluated(build(elementwise.Cast, [X], to=target), [X]), expected)


def test_clip_and_where_as_onnxruntime() -> None:
    bounds = [np.array(-1, np.float32), np.array(2, np.float32)]
    for op, arrays in (("Clip", [X, *bounds]), ("Where", [X > 0, X, Y])):
        actual = evaluated(build(BY_NAME[op], arrays), arrays)
        np.testing.assert_array_equal(actual, run_onnx(op, arrays))


def test_integers_of_every_width_are_covered() -> None:
    assert {dtype.bits for dtype in INTEGERS} == {8, 16, 32, 64}
