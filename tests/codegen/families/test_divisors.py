"""What divides sizes for all values of their symbols."""

from __future__ import annotations

from glassrt.codegen.families.divisors import divisor, power_of_two_in
from glassrt.dialects.core.affine import symbol
from hypothesis import given
from hypothesis import strategies as st

N = symbol("N")


def test_a_divisor_holds_for_all_sizes() -> None:
    assert divisor(12, 18) == 6
    assert divisor(N * 12 + 18, 24) == 6
    assert divisor(N + 4, 8) == 1
    assert divisor() == divisor(0, 0) == 0


@given(st.integers(0, 1 << 20), st.integers(1, 64))
def test_a_power_of_two_divides_and_none_that_is_larger_does(number: int, most: int) -> None:
    found = power_of_two_in(number, most)
    assert found <= most and number % found == 0 and found & (found - 1) == 0
    assert found * 2 > most or number % (found * 2)
