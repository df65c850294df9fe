"""Intervals of results hold every result of numbers within the operands' intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.compiler.precision.narrowing.intervals import (
    BINARY,
    BOUNDED,
    EVERYTHING,
    RISING,
    UNARY,
    numbers_of,
)
from glassrt.dialects.core.dtypes import F64, I32
from glassrt.dialects.core.interpreter import Evaluation
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Div, Pow
from hypothesis import given
from hypothesis import strategies as st

SIDES = st.floats(-50, 50)
INTERVALS = st.tuples(SIDES, SIDES).map(lambda pair: (min(pair), max(pair)))


def results(kind, arrays):
    block = Block([TensorType(array.shape, F64) for array in arrays])
    op = kind(*block.arguments)
    return op, op.evaluate(Evaluation(Module(), {}), *arrays)


def within(interval: tuple[float, float], fraction: float) -> float:
    return min(max(interval[0] + fraction * (interval[1] - interval[0]), interval[0]), interval[1])


@pytest.mark.parametrize("kind", [*BOUNDED, *RISING, *UNARY], ids=lambda kind: kind.__name__)
@given(interval=INTERVALS, at=st.floats(0, 1))
def test_of_one_operand(kind, interval, at: float) -> None:
    op, (found,) = results(kind, [np.array([within(interval, at)])])
    low, high = numbers_of(op, [interval])
    slack = 1e-12 * max(1.0, abs(found)) if math.isfinite(found) else 0.0
    assert math.isnan(found) or low - slack <= found <= high + slack


@pytest.mark.parametrize("kind", list(BINARY), ids=lambda kind: kind.__name__)
@given(a=INTERVALS, b=INTERVALS, at=st.floats(0, 1), to=st.floats(0, 1))
def test_of_two_operands(kind, a, b, at: float, to: float) -> None:
    op, (found,) = results(kind, [np.array([within(a, at)]), np.array([within(b, to)])])
    low, high = numbers_of(op, [a, b])
    slack = 1e-12 * max(1.0, abs(found)) if math.isfinite(found) else 0.0
    assert math.isnan(found) or low - slack <= found <= high + slack


def test_quotients_of_integers_are_whole() -> None:
    op = Div(*Block([TensorType((1,), I32)] * 2).arguments)
    assert numbers_of(op, [(5.0, 7.0), (2.0, 4.0)]) == (1.0, 4.0)
    assert numbers_of(op, [(5.0, 7.0), (-1.0, 4.0)]) == EVERYTHING


def test_quotients_by_what_has_no_reciprocal() -> None:
    op = Div(*Block([TensorType((1,), F64)] * 2).arguments)
    tiny = 2.0**-1074
    assert numbers_of(op, [(tiny, 1.0), (tiny, tiny)]) == (1.0, math.inf)
    assert numbers_of(op, [(-2.0, math.inf), (4.0, math.inf)]) == (-0.5, math.inf)
    assert numbers_of(op, [(1.0, 2.0), (-math.inf, -4.0)]) == (-0.5, 0.0)


def test_what_is_not_known_is_everything() -> None:
    op, _ = results(Pow, [np.ones(1), np.ones(1)])
    assert numbers_of(op, [(0, 1), (0, 1)]) == EVERYTHING
