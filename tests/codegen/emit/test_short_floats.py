"""What is computed in f16, or less exactly, because it is rounded to f16."""

from __future__ import annotations

import math

import pytest
from glassrt.codegen.emit.emitter import Emitter, Given
from glassrt.codegen.emit.lanes import Lanes
from glassrt.codegen.emit.sections import Section
from glassrt.codegen.emit.short_floats import InF16, in_f16, shortened
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, F64, DType
from glassrt.dialects.core.expr import Apply, CastExpr, Expr, LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType

S = Scalars()
SOURCES = Block([TensorType((64,), F16), TensorType((64,), F16)]).arguments
X, Y = (LoadExpr(value, (symbol("i"),), F16) for value in SOURCES)
WIDE_X, WIDE_Y = S.cast(X, F32), S.cast(Y, F32)
SUM = Given("accumulator[lane]", F32, varying=True)


def emitted(expr: Expr, lanes: int = 8) -> list[str]:
    """The statements that compute EXPR for LANES elements, of which the first is element i."""
    emitter = Emitter(dict(zip(SOURCES, ("x", "y"), strict=True)), {"i": "i"}, (), Lanes("i", lanes))
    section = Section(lanes)
    emitter.lower(expr, section)
    return section.finished(lanes)


@pytest.mark.parametrize("function", ["add", "sub", "mul"])
def test_what_gives_the_same_in_f16_is_found(function: str) -> None:
    assert in_f16(S.cast(S.apply(function, WIDE_X, WIDE_Y), F16)) == InF16(function, (X, Y))
    assert in_f16(S.apply(function, X, Y)) == InF16(function, (X, Y))


def test_what_rounds_elsewhere_is_not() -> None:
    product = S.apply("mul", WIDE_X, WIDE_Y)
    assert in_f16(product) is None and in_f16(S.cast(S.apply("add", product, WIDE_X), F16)) is None
    assert (
        in_f16(S.cast(product, BF16)) is None and in_f16(S.cast(S.apply("div", WIDE_X, WIDE_Y), F16)) is None
    )
    double = S.apply("add", S.cast(X, F64), S.cast(Y, F64))
    assert in_f16(S.cast(double, F16)) is None and in_f16(WIDE_X) is None


def test_vectors_are_computed_two_in_a_word() -> None:
    product = S.cast(S.apply("mul", WIDE_X, WIDE_Y), F16)
    lines = "\n".join(emitted(S.cast(S.apply("add", S.cast(product, F32), WIDE_X), F16)))
    assert "mul_all(x_1, y_2)" in lines and "add_all(mul_3, x_1)" in lines and "lane <" not in lines


def test_scalars_and_accumulators_are_not_vectors() -> None:
    assert not any("_all" in line for line in emitted(S.cast(S.apply("mul", WIDE_X, WIDE_Y), F16), lanes=1))
    half = S.cast(S.cast(SUM, F16), F32)
    assert not any("_all" in line for line in emitted(S.cast(S.apply("mul", half, WIDE_X), F16)))


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
@pytest.mark.parametrize(("to", "short"), [(F16, True), (BF16, False), (F32, False)])
def test_a_function_is_as_exact_as_its_result(function: str, to: DType, short: bool) -> None:
    gated = S.apply("mul", SUM, S.apply(function, SUM))
    text = "\n".join(emitted(S.cast(gated, to)))
    assert (f"m_short_{function}(" in text) == short and (f"m_{function}(" in text) != short


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_a_function_of_f16_is_short(function: str) -> None:
    text = "\n".join(emitted(S.apply(function, X)))
    assert f"convert<f16>(m_short_{function}(convert<f32>(x_1[lane])))" in text


def test_a_sum_with_an_f16_is_no_more_exact() -> None:
    swish = S.apply("mul", SUM, S.apply("sigmoid", SUM))
    assert shortened(S.apply("add", swish, WIDE_X)) is not (total := S.apply("add", swish, SUM))
    assert shortened(total) is total
    text = "\n".join(emitted(S.cast(S.apply("add", WIDE_X, swish), F16)))
    assert "m_short_sigmoid(" in text


def test_nothing_else_stands_behind_a_short_sigmoid() -> None:
    gate = S.apply("sigmoid", SUM)
    assert isinstance(found := shortened(gate), Apply) and found.function == "short_sigmoid"
    difference = S.apply("sub", gate, SUM)
    assert shortened(difference) is difference and shortened(SUM) is SUM
    scaled = S.apply("mul", difference, SUM)
    assert shortened(scaled) is scaled


def gelu(x: Expr, function: str = "erf", scale: float = math.sqrt(0.5)) -> Expr:
    """x / 2 (1 + FUNCTION(SCALE x)), as Gelu is defined."""
    inner = S.apply(function, S.apply("mul", x, S.const(scale, F32)))
    half = S.apply("mul", x, S.const(0.5, F32))
    return S.apply("mul", half, S.apply("add", inner, S.const(1.0, F32)))


@pytest.mark.parametrize(("to", "short"), [(F16, True), (BF16, False), (F32, False)])
def test_gelu_is_as_exact_as_its_result(to: DType, short: bool) -> None:
    text = "\n".join(emitted(S.cast(gelu(SUM), to)))
    assert ("m_short_gelu(accumulator[lane])" in text) == short and ("m_erf(" in text) != short


def test_gelu_by_tanh_becomes_a_logistic_function() -> None:
    text = "\n".join(emitted(S.cast(gelu(SUM, "tanh", 0.8), F16)))
    assert "m_short_sigmoid(" in text and "m_tanh(" not in text


def test_what_is_nearly_gelu_is_left_alone() -> None:
    text = "\n".join(emitted(S.cast(gelu(SUM, scale=0.7), F16)))
    other = S.apply("mul", gelu(SUM), WIDE_X)
    mixed = S.apply("mul", S.apply("mul", WIDE_X, S.const(0.5, F32)), gelu(SUM))
    assert "m_erf(" in text and "m_short_gelu(" not in text
    assert "m_short_gelu(" in "\n".join(emitted(S.cast(other, F16)))
    assert shortened(mixed) is not mixed


def test_two_results_share_what_is_short() -> None:
    swish = S.apply("mul", SUM, S.apply("sigmoid", SUM))
    emitter = Emitter({}, {}, (), Lanes("i", 8))
    section = Section(8)
    emitter.lower(CastExpr(swish, F16), section)
    emitter.lower(CastExpr(swish, F16), section)
    assert sum("m_short_sigmoid" in line for line in section.finished(8)) == 1
