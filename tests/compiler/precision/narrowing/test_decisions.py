"""What is known about numbers is true: intervals hold what numpy computes; constants are what they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.compiler.precision.narrowing.constants import constant_fact
from glassrt.compiler.precision.narrowing.decisions import digits, largest, not_held
from glassrt.compiler.precision.narrowing.facts import Fact, NumberOrigin, integers, joined, of_dtype
from glassrt.compiler.precision.narrowing.intervals import numbers_of
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, F32, I8, I64, TF32, U8, U16
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph import activations, binary, unary
from hypothesis import given, settings
from hypothesis import strategies as st

# fmt: off
UNARY = (
    unary.Abs, unary.Atan, unary.Ceil, unary.Cos, unary.Erf, unary.Exp, unary.Floor, unary.Log, unary.Neg,
    activations.Relu, unary.Round, unary.Sigmoid, unary.Sign, unary.Sin, activations.Softplus,
    activations.Softsign, unary.Sqrt, unary.Tan, unary.Tanh, activations.Gelu,
)
# fmt: on
BINARY = (binary.Add, binary.Sub, binary.Mul, binary.Div, binary.Min, binary.Max, binary.Mod, binary.Pow)
numbers = st.floats(-1e4, 1e4, width=32)


def op_of(kind: type[Operation]) -> Operation:
    type = TensorType((4,), F32)
    count = 1 if kind in UNARY else 2
    block = Block([type] * count)
    return block.append(kind(*block.arguments))


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.sampled_from((*UNARY, *BINARY)), st.lists(numbers, min_size=8, max_size=8))
def test_results_lie_within_the_interval(kind: type[Operation], drawn: list[float]) -> None:
    op = op_of(kind)
    arrays = [np.array(drawn[i : i + 4], np.float32) for i in range(0, 4 * len(op.inputs), 4)]
    low, high = numbers_of(op, [(float(a.min()), float(a.max())) for a in arrays])
    with np.errstate(all="ignore"):
        results = np.asarray(op.evaluate(None, *arrays), np.float64)
    results = results[~np.isnan(results)]
    slack = 1e-6 * max(
        1.0, abs(low) if math.isfinite(low) else 1.0, abs(high) if math.isfinite(high) else 1.0
    )
    assert (results >= low - slack).all() and (results <= high + slack).all()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([0.5, -2.0], np.float32), Fact(NumberOrigin.CONSTANT, -2.0, 0.5, peak=2.0)),
        (np.array([0, -np.inf], np.float32), Fact(NumberOrigin.CONSTANT, 0.0, 0.0)),
        (np.arange(3000, dtype=np.float32), integers(0, 2999)),
        (np.full(8, 3000, np.float32), Fact(NumberOrigin.CONSTANT, 3000, 3000, peak=3000, whole=True)),
        (np.array([1, 2, 3], np.float32), Fact(NumberOrigin.CONSTANT, 1, 3, peak=3, whole=True)),
        (np.zeros((0, 4), np.float32), Fact(NumberOrigin.CONSTANT, 0, 0, whole=True)),
    ],
    ids=["numbers", "infinity", "positions", "one number", "few", "empty"],
)
def test_facts_about_constants(array: np.ndarray, expected: Fact) -> None:
    assert constant_fact(array) == expected


def test_formats_have_digits_and_an_end() -> None:
    assert [digits(dtype) for dtype in (F16, BF16, TF32)] == [11, 8, 11]
    assert largest(F16) == 65504 and largest(TF32) > 3e38


@pytest.mark.parametrize(
    ("fact", "f16", "bf16"),
    [
        (of_dtype(U8), True, True),
        (of_dtype(I8), True, True),
        (of_dtype(BOOL), True, True),
        (of_dtype(U16), False, False),
        (of_dtype(I64), False, False),
        (integers(0, 2048), True, False),
        (integers(0, 2049), False, False),
        (Fact(), True, True),
        (Fact(peak=1e5), False, True),
        (Fact(peak=3.4028235e38), False, False),
    ],
)
def test_what_16_bits_hold(fact: Fact, f16: bool, bf16: bool) -> None:
    assert (not not_held(fact, F16)) == f16
    assert (not not_held(fact, BF16)) == bf16


def test_what_is_joined_is_no_more_certain_than_its_parts() -> None:
    found = joined([integers(0, 5), Fact(NumberOrigin.CONSTANT, -1.0, 1.0, peak=1.0)])
    assert (found.low, found.high, found.whole, found.origin) == (-1.0, 5.0, False, NumberOrigin.INTEGERS)
