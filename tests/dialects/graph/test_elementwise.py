"""Elementwise ops: definitions against numpy, numpy against ONNX Runtime, and the rules of types."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BOOL, DTYPES, F16, F32, F64, I8, I32, I64, U8, DType
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph import activations, binary, elementwise, unary
from glassrt.dialects.graph.base import GraphOp
from glassrt.dialects.graph.elementwise_base import Bitwise, Comparison, Logic, Unary
from glassrt.dialects.graph.numeric import converted, erf, power
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import FLOATS, INTEGERS, NUMBERS, broadcast_shapes, dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...property.onnx_runs import run_onnx

UNARY = [op for op in (*unary.OPS, *activations.OPS) if issubclass(op, Unary)]
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
def test_fmod_definition_is_numpy(data: DataObject) -> None:
    dtype = data.draw(dtypes(*NUMBERS))
    arrays = [data.draw(tensors(dtype, (3,))) for _ in range(2)]
    check_op(binary.Mod, arrays, fmod=True)


@given(data=st.data(), positive=st.booleans(), negative=st.booleans())
def test_isinf_of_wanted_signs(data: DataObject, positive: bool, negative: bool) -> None:
    x = data.draw(tensors(data.draw(dtypes(*FLOATS)), (4,)))
    check_op(unary.Isinf, [x], positive=positive, negative=negative)


@given(data=st.data())
def test_tanh_gelu_definition_is_numpy(data: DataObject) -> None:
    x = data.draw(tensors(data.draw(dtypes(*FLOATS)), (4,)))
    check_op(activations.Gelu, [x], approximate="tanh")


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


def test_float_to_integer_truncates_saturates_and_drops_nan() -> None:
    x = np.array([1.9, -1.9, 300.0, -300.0, math.inf, -math.inf, math.nan], np.float32)
    assert converted(x, I8).tolist() == [1, -1, 127, -128, 127, -128, 0]
    assert converted(x, U8).tolist() == [1, 0, 255, 0, 255, 0, 0]
    assert converted(np.array([1e30, -1e30]), I64).tolist() == [2**63 - 1, -(2**63)]


def test_f8_saturates() -> None:
    x = np.array([1e9, -math.inf, math.nan], np.float32)
    for name, largest in (("f8e4m3", 448.0), ("f8e5m2", 57344.0)):
        wide = converted(x, DTYPES[name]).astype(np.float32)
        np.testing.assert_array_equal(wide, [largest, -largest, math.nan])


def test_f16_is_rounded_once() -> None:
    x = np.array([0.1, 1.7, -3.3, 60000.0], np.float16)
    wide = x.astype(np.float32)
    exact = 0.5 * wide * (1 + erf(wide / math.sqrt(2)))
    np.testing.assert_array_equal(evaluated(build(activations.Gelu, [x]), [x]), exact.astype(np.float16))
    total = evaluated(build(binary.Add, [x, x]), [x, x])
    assert total[-1] == np.inf


def test_erf_is_accurate_to_f64() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20001), [1e-300, -1e-12, 5e-324, 0.0, math.inf, -math.inf]])
    exact = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(erf(x), exact, rtol=4e-15, atol=0)
    assert math.isnan(erf(np.array([math.nan]))[0])
    assert erf(np.zeros((0, 3), np.float32)).shape == (0, 3)
    assert math.copysign(1, erf(np.array([-0.0]))[0]) == -1


def test_integer_division_and_powers() -> None:
    x, y = np.array([7, -7, 7, -7, 5], np.int32), np.array([2, 2, -2, -2, 0], np.int32)
    assert evaluated(build(binary.Div, [x, y]), [x, y]).tolist() == [3, -3, -3, 3, 0]
    x, y = np.array([2, -1, -1, 1, 0, 3], np.int64), np.array([-1, -3, -2, -9, -1, 4], np.int64)
    assert evaluated(build(binary.Pow, [x, y]), [x, y]).tolist() == [0, -1, 1, 1, 0, 81]


def test_shifts_beyond_the_width_give_zero() -> None:
    x, y = np.array([1, 255, 255], np.uint8), np.array([7, 8, 200], np.uint8)
    assert evaluated(build(binary.ShiftLeft, [x, y]), [x, y]).tolist() == [128, 0, 0]
    assert evaluated(build(binary.ShiftRight, [x, y]), [x, y]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_shifts_of_signed_numbers_beyond_the_width(dtype: type) -> None:
    bits = np.dtype(dtype).itemsize * 8
    x = np.array([-8, -8, -8, 8, 8, -8], dtype)
    y = np.array([bits - 1, bits, -1, bits, -3, 2], dtype)
    assert evaluated(build(binary.ShiftRight, [x, y]), [x, y]).tolist() == [-1, -1, -1, 0, 0, -2]
    assert evaluated(build(binary.ShiftLeft, [x, y]), [x, y]).tolist() == [0, 0, 0, 0, 0, -32]


# ---------------------------------------------------------------- types


@pytest.mark.parametrize("op", elementwise.OPS, ids=names(list(elementwise.OPS)))
def test_every_op_is_elementwise_by_trait(op: type[GraphOp]) -> None:
    assert op.spec.traits == {Trait.ELEMENTWISE}
    assert not has(op, Trait.MOVEMENT)


@pytest.mark.parametrize(
    ("op", "dtype"),
    [(unary.Exp, I32), (binary.And, F32), (binary.BitwiseOr, F16), (binary.Add, BOOL)],
)
def test_wrong_element_types_are_located(op: type[GraphOp], dtype: DType) -> None:
    x = np.zeros(2, dtype.numpy)
    with pytest.raises(IRError, match=op.name):
        build(op, [x] * op.spec.least_operands)


def test_operands_of_two_types_or_shapes_are_refused() -> None:
    with pytest.raises(IRError, match="different element types"):
        build(binary.Add, [np.zeros(2, np.float32), np.zeros(2, np.float16)])
    with pytest.raises(IRError, match="broadcast"):
        build(binary.Add, [np.zeros(2, np.float32), np.zeros(3, np.float32)])
    with pytest.raises(IRError, match="bounds"):
        build(elementwise.Clip, [np.zeros(2, np.float32), np.zeros(2, np.float32)])
    with pytest.raises(IRError, match="bool"):
        build(elementwise.Where, [np.zeros(2, np.float32)] * 3)


def test_predicates_give_bool() -> None:
    x = np.zeros(2, np.int32)
    for op in binary.OPS:
        if issubclass(op, Comparison) and not issubclass(op, Logic):
            assert build(op, [x, x]).result.type.dtype == BOOL
    assert all(op.kinds == ("signed", "unsigned") for op in binary.OPS if issubclass(op, Bitwise))


def test_flops_count_elements() -> None:
    x = np.zeros((2, 3), np.float32)
    assert build(binary.Add, [x, x]).flops() == 6
    assert build(binary.Equal, [x, x]).flops() == 0


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


def test_a_power_of_one_half_is_no_square_root_at_minus_infinity() -> None:
    x, y = np.array([-np.inf, -0.0], np.float32), np.array(0.5, np.float32)
    assert power(x, y).tolist() == [np.inf, 0.0]
