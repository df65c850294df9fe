"""Functions of the scalar language as C."""

from __future__ import annotations

import pytest
from glassrt.codegen.text.operators import spelled
from glassrt.dialects.core.dtypes import BOOL, F32, I8, I32, DType


@pytest.mark.parametrize(
    ("function", "dtype", "text"),
    [
        ("add", F32, "a + b"),
        ("add", I32, "m_add(a, b)"),
        ("div", I32, "m_div(a, b)"),
        ("lt", I32, "a < b"),
        ("eq", BOOL, "a == b"),
        ("and", BOOL, "a && b"),
        ("xor", BOOL, "a != b"),
        ("bitand", I32, "a & b"),
        ("bitxor", I8, "i8(a ^ b)"),
        ("max", F32, "m_max(a, b)"),
    ],
)
def test_of_two(function: str, dtype: DType, text: str) -> None:
    assert spelled(function, ["a", "b"], dtype) == text


def test_of_one() -> None:
    assert spelled("not", ["a"], BOOL) == "!a" and spelled("erf", ["a"], F32) == "m_erf(a)"
