"""Reductions over several threads: parts that are joined in any order give what numpy gives for the whole."""

from __future__ import annotations

import math
from itertools import count
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.emit.shared_reductions import SharedReduction, as_word, from_word, shared_reduction
from glassrt.dialects.core.dtypes import BOOL, F16, F32, F64, I32, I64, DType
from glassrt.dialects.core.expr import Const, ReduceExpr
from hypothesis import given
from hypothesis import strategies as st

from ..c_values import run, value_of

FLOATS = st.sampled_from([0.0, -0.0, 1.5, -2.0, 3.0, math.inf, -math.inf, math.nan])
EXTREMES: dict[str, Any] = {"max": np.max, "min": np.min, "argmax": np.argmax, "argmin": np.argmin}


def state_of(kind: str, dtype: DType) -> SharedReduction:
    numbers = count(1)
    result = I64 if kind.startswith("arg") else dtype
    reduce = ReduceExpr(kind, (("_r1", 9),), Const(0, dtype), result)
    return shared_reduction(lambda stem: f"{stem}{next(numbers)}", reduce)


def part(state: SharedReduction, elements: list[tuple[int, float]]) -> dict[str, Any]:
    """The variables of a thread that has seen ELEMENTS, (position, value) pairs."""
    scope: dict[str, Any] = {}
    run(state.declare(), scope)
    for position, element in elements:
        scope |= {"x": element, "k": position}
        run(state.update("x", "k"), scope)
    return scope


@given(st.sampled_from(sorted(EXTREMES)), st.lists(FLOATS, min_size=1, max_size=7), st.data())
def test_parts_join_to_the_extreme_of_the_whole(kind: str, elements: list[float], data: Any) -> None:
    threads = data.draw(st.integers(1, 4))
    pairs = list(enumerate(elements))
    state = state_of(kind, F32)
    parts = [part(state, pairs[worker::threads]) for worker in range(threads)]
    whole, *others = data.draw(st.permutations(parts))
    for other in others:
        names = [f"p{number}" for number in range(len(state.variables))]
        whole |= {own: other[name] for own, (name, _) in zip(names, state.variables, strict=True)}
        run(state.join(names), whole)
    np.testing.assert_array_equal(value_of(state.result, whole), EXTREMES[kind](elements))


def test_states_start_again() -> None:
    state = state_of("argmin", F32)
    scope = part(state, [(3, 1.0)])
    assert (scope["best1"], scope["where2"]) == (1.0, 3)
    run(state.restart(), scope)
    assert scope["best1"] == math.inf and scope["where2"] == 2**63 - 1


def test_threads_of_a_row_are_combined_in_shared_memory() -> None:
    sums = state_of("sum", F16)
    assert sums.declare() == ["f32 sum1 = 0x0p+0f;"]
    assert sums.combine_threads(str, "1, 32, false") == ["sum1 = row_reduce<Sum, 1, 32, false>(sum1, smem);"]
    own, best, where = state_of("argmax", I32).combine_threads(lambda stem: f"{stem}9", "S")
    assert (own, best) == ("const i32 own9 = best1;", "best1 = row_reduce<Maximum, S>(own9, smem);")
    # Among the threads that hold the extreme, the first position; a thread that does not hold it has none.
    assert where == "where2 = row_reduce<Minimum, S>(own9 == best1 ? where2 : 0x7fffffffffffffffll, smem);"


@pytest.mark.parametrize(
    ("dtype", "word", "back"),
    [
        (F32, "u64(bit_cast<u32>(a))", "bit_cast<f32>(u32(w))"),
        (F64, "bit_cast<u64>(a)", "bit_cast<f64>(w)"),
        (BOOL, "u64(a)", "w != 0"),
        (I32, "u64(a)", "i32(w)"),
    ],
    ids=str,
)
def test_variables_travel_as_words(dtype: DType, word: str, back: str) -> None:
    assert as_word("a", dtype) == word and from_word("w", dtype) == back
