"""Divisions by a number that the compiler need not know: a multiplication and a shift.

With m = ceil(2**30 / d), x * m >> 30 is floor(x / d) for every x >= 0 with x * (d - 1) < 2**30, because m * d
exceeds 2**30 by less than d (Granlund and Montgomery, "Division by invariant integers using multiplication").
Where d is a parameter, that is two instructions, not twenty; where it is a number, as few as before.
"""

from __future__ import annotations

from ...dialects.core.affine import Dim

SHIFT = 30  # so that every factor is an `int`


def reciprocal(divisor: Dim, largest: Dim) -> int:
    """The factor of DIVISOR for dividends of at most LARGEST; 0 where there is none for all of them, and for
    an extent of 0, of which nothing is divided."""
    if not isinstance(divisor, int) or not isinstance(largest, int) or divisor < 1:
        return 0
    if largest * (divisor - 1) >= 1 << SHIFT:
        return 0
    return -(-(1 << SHIFT) // divisor)
