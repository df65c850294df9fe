"""Expressions are evaluated as written, and nothing malformed gets through."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from glassrt.errors import PlanError
from glassrt.runtime.expressions import MAX_DEPTH, clip, evaluate
from hypothesis import given
from hypothesis import strategies as st

SYMBOLS = {"N": 8, "M": 3}
CASES = [
    (5, 5),
    ("N", 8),
    (["+", "N", 1, "M"], 12),
    (["*", "N", "M", 2], 48),
    (["-", 1, "N"], -7),
    (["floordiv", "N", "M"], 2),
    (["floordiv", ["+", "N", 2], 3], 3),
    (["max", 1, "N", 5], 8),
    (["min", 4, "N"], 4),
    (["+", 7], 7),
]
MALFORMED: list[Any] = [
    None,
    True,
    1.5,
    "K",
    [],
    ["+"],
    ["-", 1],
    ["-", 1, 2, 3],
    ["floordiv", 1, 0],
    ["mod", 1, 2],
    [1, 2],
    [["+"], 1],
    {"+": 1},
    ["*", 2**40, 2**40],
    2**63,
    -(2**63) - 1,
    ["+", 2**62, 2**62, -(2**62)],
    ["__import__", "os"],
]


@pytest.mark.parametrize(("expression", "value"), CASES)
def test_values(expression: Any, value: int) -> None:
    assert evaluate(expression, SYMBOLS) == value


@pytest.mark.parametrize("expression", MALFORMED, ids=str)
def test_malformed(expression: Any) -> None:
    with pytest.raises(PlanError):
        evaluate(expression, SYMBOLS)


def nested(depth: int) -> Any:
    expression: Any = 1
    for _ in range(depth):
        expression = ["+", expression, 1]
    return expression


def test_depth_is_bounded() -> None:
    assert evaluate(nested(MAX_DEPTH), {}) == MAX_DEPTH + 1
    with pytest.raises(PlanError, match="nested"):
        evaluate(nested(MAX_DEPTH + 1), {})
    with pytest.raises(PlanError, match="nested"):
        evaluate(nested(100_000), {})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(
        inner | st.sampled_from(["+", "*", "-", "floordiv", "max", "min", "N"]), max_size=4
    ),
)


@given(ANYTHING)
def test_gives_a_number_or_a_plan_error(expression: Any) -> None:
    with contextlib.suppress(PlanError):
        assert isinstance(evaluate(expression, SYMBOLS), int)


@given(ANYTHING)
def test_clip_is_short_and_printable(value: Any) -> None:
    text = clip(value)
    assert len(text) <= 80
    assert text.isascii() and text.isprintable()
