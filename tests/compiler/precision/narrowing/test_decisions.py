"""Which numbers a format holds, and what stays f32 whatever the policy says."""

from __future__ import annotations

import pytest
from glassrt.compiler.precision.narrowing.decisions import digits, largest, not_held
from glassrt.compiler.precision.narrowing.facts import Fact, integers, of_dtype
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, I8, I64, TF32, U8, U16


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
