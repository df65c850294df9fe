"""Facts about results of elementwise ops, from those of their operands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.precision.narrowing.arithmetic import elementwise_fact
from glassrt.compiler.precision.narrowing.facts import Fact, NumberOrigin, integers
from glassrt.dialects.core.dtypes import F32, I8, I32, U8, DType
from glassrt.dialects.core.interpreter import Evaluation
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Div, Greater, Max, Min, Mod, Mul, Sub
from glassrt.dialects.graph.elementwise import Cast, Clip
from glassrt.dialects.graph.trigonometric import Cos
from glassrt.dialects.graph.unary import Abs, Ceil, Exp, Floor, Neg, Round, Sigmoid, Sqrt
from hypothesis import given
from hypothesis import strategies as st

CONSTANT, INTEGERS, WEIGHTED, DATA = NumberOrigin
ONE, TWO = (Abs, Ceil, Cos, Exp, Floor, Neg, Relu, Round, Sigmoid, Sqrt), (Add, Sub, Mul, Max, Min, Mod, Div)


def op_of(kind: type[Operation], *facts: Fact, dtype: DType = F32, **attributes: Any) -> Operation:
    shapes = [(3,), *([()] if kind is Clip else [(3,)]) * (len(facts) - 1)]
    block = Block([TensorType(shape, dtype) for shape in shapes])
    return block.append(kind(*block.arguments, **attributes))


def fact_of(kind: type[Operation], *facts: Fact, dtype: DType = F32, **attributes: Any) -> Fact:
    """The fact about KIND of operands with FACTS, all of DTYPE."""
    op = op_of(kind, *facts, dtype=dtype, **attributes)
    return elementwise_fact(op, op.inputs, facts)


def constant(value: float) -> Fact:
    return Fact(CONSTANT, value, value, peak=abs(value), whole=value == int(value))


def drawn(origin: NumberOrigin, numbers: list[int]) -> Fact:
    low, high = float(min(numbers)), float(max(numbers))
    if origin is INTEGERS:
        return integers(low, high)
    return Fact(origin, low, high, peak=max(-low, high) if origin is CONSTANT else 0.0, whole=True)


@given(st.sampled_from((*ONE, *TWO)), st.data())
def test_results_are_within_the_bounds_and_whole_where_they_are_said_to_be(
    kind: type[Operation], data: st.DataObject
) -> None:
    count = 1 if kind in ONE else 2
    rows = [data.draw(st.lists(st.integers(-40, 40), min_size=3, max_size=3)) for _ in range(count)]
    facts = [drawn(data.draw(st.sampled_from(NumberOrigin)), row) for row in rows]
    op = op_of(kind, *facts)
    found = elementwise_fact(op, op.inputs, facts)
    with np.errstate(all="ignore"):
        results = op.evaluate(Evaluation(Module(), {}), *(np.array(row, np.float32) for row in rows))
    results = results[np.isfinite(results)].astype(np.float64)
    slack = 1e-6 * (1 + np.abs(results))
    assert (results >= found.low - slack).all() and (results <= found.high + slack).all()
    assert not found.whole or (results == np.rint(results)).all()
    if found.origin is INTEGERS:
        assert found.peak + 1e-3 >= np.abs(results).max(initial=0) * (1 - 1e-6)


def test_arithmetic_on_integers_keeps_how_many_there_are() -> None:
    positions = integers(0, 1000)
    assert fact_of(Add, positions, integers(0, 24)).levels == 1024
    assert fact_of(Mul, positions, integers(0, 3)).levels == 3000
    half = fact_of(Mul, positions, constant(0.5))
    assert (half.origin, half.levels, half.high, half.whole) == (INTEGERS, 1000, 500, False)
    assert fact_of(Cos, positions).origin is DATA and fact_of(Cos, positions).levels == 0


def test_features_are_counted_no_more_once_they_meet_data() -> None:
    weighted = Fact(WEIGHTED, levels=300.0, products=1)
    assert fact_of(Add, weighted, Fact(products=1)).origin is DATA
    assert fact_of(Add, integers(0, 300), Fact()).origin is WEIGHTED
    assert fact_of(Add, weighted, weighted).origin is WEIGHTED
    assert fact_of(Relu, weighted) == Fact(DATA, 0.0, products=1)
    assert fact_of(Div, Fact(products=1), integers(1, 300)).origin is DATA


def test_evident_sizes_of_data_go_on_through_sums_and_products() -> None:
    large, some = Fact(peak=1e6), Fact()
    assert fact_of(Add, large, some).peak == 1e6 and fact_of(Sub, some, large).peak == 1e6
    assert fact_of(Mul, large, constant(100)).peak == 1e8 and fact_of(Mul, large, some).peak == 0
    assert fact_of(Div, large, constant(10)).peak == 1e5 and fact_of(Div, large, some).peak == 1e6
    assert fact_of(Min, large, constant(1e9)).peak == 1e6  # a limit is reached by nothing


def test_a_clip_is_within_its_limits_where_they_are_known() -> None:
    limits = (constant(0), constant(6))
    data = fact_of(Clip, Fact(grows=True, peak=1e6), *limits)
    assert (data.low, data.high, data.peak, data.grows) == (0, 6, 6, False)
    counted = fact_of(Clip, integers(0, 1000), *limits)
    assert (counted.high, counted.levels, counted.whole) == (6, 6, True)
    free = fact_of(Clip, integers(0, 5), Fact(), Fact())
    assert (free.low, free.high) == (-np.inf, np.inf)


def test_casts_to_floats_change_nothing_and_casts_to_integers_count() -> None:
    assert fact_of(Cast, integers(0, 77), dtype=I32, to=F32) == integers(0, 77)
    assert fact_of(Cast, Fact(DATA, -5, 7), to=I32) == integers(-5, 7)
    assert fact_of(Cast, Fact(DATA), to=U8) == integers(0, 255)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ((integers(0, 5), integers(1, 7)), integers(1, 12)),
        ((integers(0, 100), integers(0, 100)), integers(0, 127)),
        ((Fact(whole=True), integers(0, 5)), Fact(whole=True)),
    ],
)
def test_integers_stay_in_their_type_and_bytes_of_quantized_networks_are_data(
    facts: tuple[Fact, ...], found: Fact
) -> None:
    assert fact_of(Add, *facts, dtype=I8) == found


def test_answers_are_between_no_and_yes() -> None:
    assert fact_of(Greater, Fact(), Fact()) == integers(0, 1)
