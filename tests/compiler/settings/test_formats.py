"""Number formats: the types that each stores, multiplies and computes in."""

from __future__ import annotations

import pytest
from glassrt.compiler.settings.formats import FORMATS, format_named
from glassrt.dialects.core.dtypes import F8E4M3, F16, F32, I8, I32, TF32
from glassrt.errors import UnsupportedError


def test_the_types_of_a_format() -> None:
    half, tf32, int8, fp8 = (FORMATS[name] for name in ("fp16", "tf32", "int8", "fp8"))
    assert (half.stored(F32), half.multiplied(F32), half.computed(F16)) == (F16, F16, F32)
    assert (tf32.stored(F32), tf32.multiplied(F32), tf32.lowers) == (F32, TF32, False)
    assert (int8.products, fp8.products) == (I8, F8E4M3) and int8.quantizes and int8.lowers
    assert half.stored(I32) == half.multiplied(I32) == half.computed(I32) == I32


def test_a_format_that_does_not_exist_is_marked_in_its_option() -> None:
    with pytest.raises(UnsupportedError, match=r"there is no precision 'fp17'") as caught:
        format_named("fp17", "override", "op:conv=fp17")
    assert f"these exist: {', '.join(FORMATS)}" in caught.value.diagnostic.hints
    assert "op:conv=fp17" in str(caught.value)
