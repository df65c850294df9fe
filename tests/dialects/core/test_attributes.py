"""Attribute kinds: values are checked, and their text reads back the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.attributes import (
    BOOL,
    CONFIG,
    DENSE,
    DIM,
    DTYPE,
    EDGES,
    FLOAT,
    FORMAT,
    INT,
    INTS,
    STRING,
    SYMBOL,
    TYPE,
    AttributeError_,
    EnumKind,
    Kind,
    Name,
)
from glassrt.dialects.core.dtypes import F16, TF32
from glassrt.dialects.core.types import TensorType

KINDS: list[tuple[Kind, Any, Any, str]] = [
    (INT, 3, 3, "3"),
    (FLOAT, 2, 2.0, "2.0"),
    (FLOAT, Name("inf"), math.inf, "inf"),
    (BOOL, np.bool_(True), True, "true"),
    (STRING, 'a"b', 'a"b', '"a\\"b"'),
    (DTYPE, Name("f16"), F16, "f16"),
    (FORMAT, Name("tf32"), TF32, "tf32"),
    (DIM, Name("N"), symbol("N"), "N"),
    (TYPE, TensorType((2,), F16), TensorType((2,), F16), "tensor<2xf16>"),
    (SYMBOL, "w1", "w1", "@w1"),
    (EnumKind(("a", "b")), Name("b"), "b", "b"),
    (INTS, [1, 2], (1, 2), "[1, 2]"),
    (EDGES, True, True, "true"),
    (EDGES, [2, 0, 2], (0, 2), "[0, 2]"),
    (CONFIG, {"a": Name("b"), "c": 3}, {"a": "b", "c": 3}, "{a = b, c = 3}"),
]


@pytest.mark.parametrize(("kind", "raw", "value", "text"), KINDS)
def test_a_value_is_decoded_and_written(kind: Kind, raw: Any, value: Any, text: str) -> None:
    found = kind.decode(raw)
    assert found == value and type(found) is type(value) and kind.encode(found) == text


@pytest.mark.parametrize(
    ("kind", "raw", "reason"),
    [
        (INT, True, "an integer is expected, not true"),
        (INT, 2**63, "64 bits"),
        (FLOAT, "1", "a number is expected, not '1'"),
        (BOOL, 1, "true or false is expected, not 1"),
        (STRING, Name("a"), "a string is expected, not a"),
        (DTYPE, Name("tf32"), "an element type is expected, not tf32"),
        (FORMAT, Name("f33"), "a number format is expected, not f33"),
        (DIM, 1.5, "an integer is expected"),
        (TYPE, 3, "a tensor type is expected, not 3"),
        (SYMBOL, 3, "a @name is expected"),
        (EnumKind(("a", "b")), "c", "one of a, b is expected, not 'c'"),
        (INTS, "12", "a list is expected, not '12'"),
        (INTS, [1, [2]], r"an integer is expected, not \[2\]"),
        (EDGES, [-1], r"a list of operand numbers is expected, not \[-1\]"),
        (EDGES, False, "true or a list of operand numbers"),
        (DENSE, [1], r"a dense<...> tensor is expected"),
        (CONFIG, [1], "table is expected"),
        (CONFIG, {"a": 1.5}, "an integer is expected, not 1.5"),
    ],
)
def test_a_value_of_another_kind_is_quoted(kind: Kind, raw: Any, reason: str) -> None:
    with pytest.raises(AttributeError_, match=reason):
        kind.decode(raw)
