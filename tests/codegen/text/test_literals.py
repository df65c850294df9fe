"""Literals of C: every number reads back the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.codegen.text.literals import c_type, computed, highest, literal, lowest, stored
from glassrt.dialects.core.dtypes import BOOL, F8E4M3, F16, F32, F64, I4, I8, I16, I64, U4, U32, U64, DType
from hypothesis import given
from hypothesis import strategies as st


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_floats_are_exact(value: float) -> None:
    text = literal(value, F32)
    assert text.endswith("f") and float.fromhex(text[:-1]) == value
    assert float.fromhex(literal(value, F64)) == value


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (0.5, F32, "0x1p-1f"),
        (-0.0, F32, "-0x0p+0f"),
        (math.inf, F32, "bit_cast<f32>(0x7f800000u)"),
        (-math.inf, F64, "bit_cast<f64>(0xfff0000000000000ull)"),
        (1.5, F16, "f16{0x3e00}"),
        (1e9, F16, "f16{0x7c00}"),
        (1.0, F8E4M3, "f8e4m3{0x38}"),
        (True, BOOL, "true"),
        (0, BOOL, "false"),
        (-3, I8, "i8(-3)"),
        (-3, I16, "i16(-3)"),
        (7, I64, "7ll"),
        (7, U64, "7ull"),
        (7, U32, "7u"),
        (-(2**63), I64, "(-0x7fffffffffffffffll - 1)"),
        (-1, I4, "i4{0xf}"),
        (9, U4, "u4{0x9}"),
    ],
)
def test_literals(value: float, dtype: DType, text: str) -> None:
    assert literal(value, dtype) == text


def test_a_nan_keeps_its_payload() -> None:
    nan = np.uint32(0x7FC01234).view(np.float32)
    assert literal(nan, F32) == "bit_cast<f32>(0x7fc01234u)"


def test_identities_and_conversions() -> None:
    assert (lowest(I8), highest(I8)) == ("i8(-128)", "i8(127)")
    assert lowest(F32) == literal(-math.inf, F32) and highest(F8E4M3) == literal(448.0, F8E4M3)
    assert computed("x", F16) == "convert<f32>(x)" and stored("x", F16) == "convert<f16>(x)"
    assert computed("x", F32) == stored("x", F32) == "x" and c_type(I4) == "i4"
