"""Budgets: what they say, and what is none."""

from __future__ import annotations

import math

import pytest
from glassrt.compiler.search.budget import Budget
from glassrt.compiler.search.quality import Quality
from glassrt.errors import InputError
from hypothesis import given
from hypothesis import strategies as st


@given(st.sampled_from(["sqnr", "top1"]), st.integers(0, 1000))
def test_a_budget_is_what_it_prints(kind: str, tenths: int) -> None:
    budget = Budget(kind, tenths / 10)
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not a budget"),
        ("30", "is not a budget"),
        ("psnr=30", "is not a budget"),
        ("sqnr=", "has no number"),
        ("sqnr=thirty", "has no number"),
        ("sqnr=nan", "is not between 0 and 1000"),
        ("sqnr=-3", "is not between"),
        ("top1=101", "is not between 0 and 100"),
        ("top1=inf", "is not between"),
    ],
)
def test_what_is_no_budget_is_named(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        Budget.parse(text)
    assert caught.value.hint is not None and "sqnr=30" in caught.value.hint


def test_a_budget_holds_to_the_number() -> None:
    exact, loud = Quality({"y": 0.0, "z": 0.0}), Quality({"y": 1e-3, "z": 1e-9})
    assert Budget("sqnr", 30).holds(loud) and not Budget("sqnr", 30.1).holds(loud)
    assert exact.sqnr == math.inf and Budget("sqnr", 1000).holds(exact)
    assert Budget("top1", 0.5).holds(Quality({"y": 1.0}, 0.5))
    assert Budget("top1", 0).holds(Quality({"y": 1.0}, -2.0))  # some are gained
    assert not Budget("top1", 0.5).holds(Quality({"y": 0.0}, 0.51))
    assert not Budget("top1", 0.5).holds(Quality({"y": 0.0}))  # nothing was counted
