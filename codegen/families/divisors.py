"""Divisors of strides and extents for all values of the symbols, which bound the width of accesses."""

from __future__ import annotations

from math import gcd

from ...dialects.core.affine import Affine, Dim


def divisor(*dims: Dim) -> int:
    """The largest integer that divides all of DIMS for all values of the symbols; 0 when all are 0."""
    result = 0
    for dim in dims:
        values = [value for _, value in dim.terms] if isinstance(dim, Affine) else [dim]
        result = gcd(result, *values)
    return result


def power_of_two_in(number: int, most: int) -> int:
    """The largest power of two that is at most MOST and divides NUMBER; all of them divide 0."""
    result = 1
    while result * 2 <= most and number % (result * 2) == 0:
        result *= 2
    return result
