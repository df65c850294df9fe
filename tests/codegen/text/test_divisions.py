"""Divisions by a multiplication and a shift: exact as far as they are given out."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.text.divisions import SHIFT, reciprocal
from glassrt.dialects.core.affine import symbol


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 56, 112, 641, 4095, 4096, 32767])
def test_a_product_is_the_quotient_of_any_dividend(divisor: int) -> None:
    """Those that are a multiple of the divisor, and those before one, come nearest to being wrong."""
    largest = min(((1 << SHIFT) - 1) // max(divisor - 1, 1), 2**31 - 1)
    spread = np.linspace(0, largest, 1 << 15, dtype=np.int64)
    some = np.concatenate([np.arange(0, min(largest, 1 << 15)), spread, largest - np.arange(1 << 12)])
    multiples = some // divisor * divisor
    dividends = np.concatenate([some, multiples, multiples - 1])
    dividends = dividends[dividends >= 0].astype(np.int64)
    factor = reciprocal(divisor, largest)
    assert 0 < factor < 1 << 31
    assert np.array_equal(dividends * factor >> SHIFT, dividends // divisor)


def test_none_is_given_out_beyond() -> None:
    assert reciprocal(3, (1 << SHIFT) // 2 - 1) and not reciprocal(3, (1 << SHIFT) // 2)
    assert reciprocal(1, 2**31 - 1)
    assert not reciprocal(0, 10)
    assert not reciprocal(symbol("N"), 10) and not reciprocal(3, symbol("N"))
