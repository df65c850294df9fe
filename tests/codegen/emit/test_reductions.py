"""Reductions in one thread: their statements, run in Python, give what numpy gives."""

from __future__ import annotations

import math
import re
from functools import reduce
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.emit.emitter import Emitter
from glassrt.codegen.emit.lanes import Lanes
from glassrt.codegen.emit.reductions import better, combined, initial, reduction_state
from glassrt.dialects.core.dtypes import BOOL, F16, F32, I32, I64, DType
from glassrt.dialects.core.expr import Const, ReduceExpr
from hypothesis import given
from hypothesis import strategies as st

from ..c_values import run, value_of

FLOATS = st.lists(st.sampled_from([0.0, -0.0, 1.5, -2.0, 3.0, math.inf, -math.inf, math.nan]), max_size=5)
# In the order of the elements, as a thread has them.
NUMPY: dict[str, Any] = {
    "sum": lambda x: reduce(np.add, x, 0.0),
    "prod": lambda x: reduce(np.multiply, x, 1.0),
    "max": lambda x: np.max(x, initial=-math.inf),
    "min": lambda x: np.min(x, initial=math.inf),
    "argmax": lambda x: np.argmax(x) if len(x) else -1,
    "argmin": lambda x: np.argmin(x) if len(x) else -1,
}


def reduction(kind: str, dtype: DType, signed_zero: bool = False) -> ReduceExpr:
    result = I64 if kind.startswith("arg") else dtype
    return ReduceExpr(kind, (("_r1", 9),), Const(0, dtype), result, signed_zero)


def emitter(lanes: int = 1) -> Emitter:
    return Emitter({}, {}, (), Lanes("i", lanes))


def reduced(kind: str, dtype: DType, elements: list[Any], signed_zero: bool = False) -> Any:
    state = reduction_state(emitter(), reduction(kind, dtype, signed_zero), varying=False)
    scope: dict[str, Any] = {}
    run(state.declare, scope)
    for element in elements:
        scope["x"] = element
        run(state.update("x"), scope)
    return value_of(state.result.text, scope)


@given(st.sampled_from(sorted(NUMPY)), FLOATS)
def test_floats_are_reduced_as_numpy_reduces_them(kind: str, elements: list[float]) -> None:
    with np.errstate(all="ignore"):
        want = NUMPY[kind](elements)
    np.testing.assert_array_equal(reduced(kind, F32, elements), want)


@given(st.lists(st.integers(-9, 9), max_size=5))
def test_integers_wrap_in_functions_of_their_own(elements: list[int]) -> None:
    assert reduced("sum", I32, elements) == sum(elements)
    assert reduced("prod", I32, elements) == math.prod(elements)
    assert reduced("max", I32, elements) == max(elements, default=-(1 << 31))
    assert combined("sum", "a", "b", I32) == "m_add(a, b)" and combined("prod", "a", "b", F32) == "a * b"


@given(st.lists(st.booleans(), max_size=4))
def test_predicates(elements: list[bool]) -> None:
    assert reduced("any", BOOL, elements) == any(elements)
    assert reduced("all", BOOL, elements) == all(elements)


def test_a_sum_is_minus_zero_only_where_that_is_asked_for() -> None:
    for signed_zero, sign in ((False, 1.0), (True, -1.0)):
        assert math.copysign(1, reduced("sum", F32, [-0.0, -0.0], signed_zero)) == sign


def test_every_lane_has_accumulators_of_its_own() -> None:
    state = reduction_state(emitter(4), reduction("sum", F16), varying=True)
    assert state.declare == [
        "f32 sum1[4];",
        "GLASS_UNROLL",
        "for (int lane = 0; lane < 4; ++lane) sum1[lane] = 0x0p+0f;",
    ]
    assert state.update("x") == ["sum1[lane] = sum1[lane] + convert<f32>(x);"]
    assert state.result.text == "convert<f16>(sum1[lane])" and state.result.varying
    shared = reduction_state(emitter(4), reduction("argmax", F32), varying=False)
    assert shared.declare == ["f32 best1 = 0x0p+0f;", "i64 where2 = -1ll;", "i64 seen3 = 0ll;"]
    assert not shared.result.varying and not re.search("lane", " ".join(shared.update("x")))


@pytest.mark.parametrize(("a", "b"), [(2.0, 1.0), (1.0, 1.0), (math.nan, math.inf), (math.nan, math.nan)])
def test_nan_is_better_than_all_numbers(a: float, b: float) -> None:
    """As numpy has it: the first element stays unless the second is better."""
    for kind, choose in (("argmax", np.argmax), ("argmin", np.argmin)):
        for first, second in ((a, b), (b, a)):
            wins = value_of(better(kind, "y", "x", F32), {"x": first, "y": second})
            assert wins == (choose([first, second]) == 1)


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="no reduction 'median'"):
        initial(reduction("median", F32), F32)
