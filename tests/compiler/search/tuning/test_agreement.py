"""Results of candidates, compared: roundings pass, everything else does not."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.search.tuning.agreement import CHUNK, POISON, Array, disagreement
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, F32, I8, I32, DType


def as_bytes(values: Array, dtype: DType) -> Array:
    found: Array = values.astype(dtype.numpy).view(np.uint8)
    return found


@pytest.mark.parametrize("dtype", [F16, BF16, F32])
def test_results_that_are_rounded_differently_agree(dtype: DType) -> None:
    exact = np.random.default_rng(0).standard_normal(4096)
    step = {"f16": 2.0**-11, "bf16": 2.0**-8, "f32": 2.0**-24}[dtype.name]
    assert disagreement(as_bytes(exact * (1 + step), dtype), as_bytes(exact, dtype), dtype, 64.0) is None


@pytest.mark.parametrize("dtype", [F16, BF16, F32])
def test_one_wrong_element_in_many_is_found(dtype: DType) -> None:
    exact = np.random.default_rng(0).standard_normal(CHUNK + 100)
    wrong = exact.copy()
    wrong[-1] += 1.0
    found = disagreement(as_bytes(wrong, dtype), as_bytes(exact, dtype), dtype, 64.0)
    assert found == f"1 of {CHUNK + 100} elements differ"


def test_what_is_not_written_is_found() -> None:
    want = as_bytes(np.ones(64), F16)
    have = want.copy()
    have[100:102] = POISON
    assert disagreement(have, want, F16, 1.0) == "1 of 64 elements differ"


def test_what_is_no_number_on_both_sides_agrees() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert disagreement(as_bytes(odd + 0, F32), as_bytes(odd, F32), F32, 1.0) is None
    assert disagreement(as_bytes(-odd, F32), as_bytes(odd, F32), F32, 1.0) == "3 of 4 elements differ"


def test_integers_are_exact_but_for_the_rounding_of_eight_bits() -> None:
    want = np.arange(16)
    off = want + (want == 3)
    assert disagreement(as_bytes(off, I8), as_bytes(want, I8), I8, 9.0) is None
    assert disagreement(as_bytes(off + off, I8), as_bytes(want + want, I8), I8, 9.0) is not None
    assert disagreement(as_bytes(off, I32), as_bytes(want, I32), I32, 9.0) is not None
    assert disagreement(as_bytes(want > 3, BOOL), as_bytes(want > 4, BOOL), BOOL, 0.0) is not None
