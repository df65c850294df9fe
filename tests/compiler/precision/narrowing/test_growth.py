"""Which results may be much larger than their operands."""

from __future__ import annotations

import pytest
from glassrt.compiler.precision.narrowing.facts import Fact, NumberOrigin
from glassrt.compiler.precision.narrowing.growth import MODEST, grows
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add, Div, Mul, Pow
from glassrt.dialects.graph.unary import Exp, Sqrt

X, Y = Block([TensorType((2,), F32)] * 2).arguments
DATA = Fact()
GROWN = Fact(grows=True)
FIXED = Fact(NumberOrigin.CONSTANT, 2.0, 2.0)
ROOT = Fact(NumberOrigin.CONSTANT, 0.5, 0.5)


@pytest.mark.parametrize(
    ("op", "facts", "grown"),
    [
        (Exp(X), [DATA], True),
        (Sqrt(X), [GROWN], False),
        (Pow(X, Y), [DATA, DATA], True),
        (Pow(X, Y), [DATA, FIXED], True),
        (Pow(X, Y), [DATA, ROOT], False),
        (Mul(X, X), [DATA, DATA], True),
        (Mul(X, Y), [DATA, DATA], False),
        (Mul(X, Y), [GROWN, DATA], True),
        (Div(X, Y), [GROWN, FIXED], True),
        (Div(X, Y), [GROWN, DATA], False),
        (Add(X, Y), [DATA, GROWN], True),
        (Exp(X), [FIXED], False),
    ],
)
def test_growth(op, facts: list[Fact], grown: bool) -> None:
    assert grows(op, op.inputs, facts, -1e9, 1e9) == grown
    assert not grows(op, op.inputs, facts, -MODEST, MODEST)
