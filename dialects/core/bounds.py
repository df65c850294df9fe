"""Bounds of affine expressions within ranges of their symbols, and what these ranges decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import gcd

from .affine import Affine, Atom, Dim, Monomial, ceildiv, floordiv, normal, split_division
from .affine_traversal import map_atoms

Range = tuple[int, int | None]
Bounds = tuple[int | None, int | None]


def bounds(dim: Dim, ranges: Mapping[str, Range]) -> Bounds:
    """Inclusive lower and upper bounds of DIM; None: unbounded. Symbols without a range are at least 0."""
    if isinstance(dim, int):
        return dim, dim
    plain = _sum_bounds(dim, ranges)
    rest, low, high = _fold_remainders(dim)
    if rest == dim:
        return plain
    least, most = bounds(rest, ranges)
    return _tighter(plain[0], _plus(least, low), max), _tighter(plain[1], _plus(most, high), min)


def _sum_bounds(dim: Affine, ranges: Mapping[str, Range]) -> Bounds:
    """Bounds of a sum, term by term."""
    low: int | None = 0
    high: int | None = 0
    for monomial, value in dim.terms:
        least, most = _scaled(_monomial_bounds(monomial, ranges), value)
        low, high = _plus(low, least), _plus(high, most)
    return low, high


def _fold_remainders(dim: Affine) -> tuple[Dim, int, int]:
    """DIM without its remainders c*x - c*b*floor(x/b), and the bounds of the sum of these."""
    rest: Dim = dim
    low = high = 0
    for monomial, value in dim.terms:
        atom = monomial[0] if len(monomial) == 1 else ""
        if isinstance(atom, str) or not isinstance(atom.denominator, int) or value % atom.denominator:
            continue
        factor = -value // atom.denominator
        folded = rest - (atom.numerator * factor + Affine(((monomial, value),)))
        if _length(folded) < _length(rest):
            rest = folded
            least, most = sorted((0, factor * (atom.denominator - 1)))
            low, high = low + least, high + most
    return rest, low, high


def _length(dim: Dim) -> int:
    return len(dim.terms) if isinstance(dim, Affine) else int(dim != 0)


def _monomial_bounds(monomial: Monomial, ranges: Mapping[str, Range]) -> Bounds:
    if not monomial:
        return 1, 1
    result = _atom_bounds(monomial[0], ranges)
    for atom in monomial[1:]:
        result = _product_bounds(result, _atom_bounds(atom, ranges))
    return result


def _product_bounds(a: Bounds, b: Bounds) -> Bounds:
    """Bounds of a product; where a sign is unknown, only if all four ends are known."""
    if None not in (*a, *b):
        ends = [x * y for x in a for y in b if x is not None and y is not None]
        return min(ends), max(ends)
    if a[0] is None or b[0] is None or a[0] < 0 or b[0] < 0:
        return None, None
    return a[0] * b[0], 0 if 0 in (a[1], b[1]) else None


def _atom_bounds(atom: Atom, ranges: Mapping[str, Range]) -> Bounds:
    if isinstance(atom, str):
        return ranges.get(atom, (0, None))
    low, high = bounds(atom.numerator, ranges)
    least, most = bounds(atom.denominator, ranges)
    # A division by a size of 0 is never evaluated, since nothing runs then; so the divisor is at least 1.
    least = max(least or 1, 1)
    most = None if most is None else max(most, least)
    return _quotient_low(low, least, most), _quotient_high(high, least, most)


def _quotient_low(low: int | None, least: int, most: int | None) -> int | None:
    """Lower bound of x // d for x >= LOW and LEAST <= d <= MOST: for negative x a small d gives it."""
    if low is None or low < 0:
        return None if low is None else low // least
    return 0 if most is None else low // most


def _quotient_high(high: int | None, least: int, most: int | None) -> int | None:
    """Upper bound of x // d for x <= HIGH and LEAST <= d <= MOST."""
    if high is None or high >= 0:
        return None if high is None else high // least
    return -1 if most is None else high // most


def _scaled(within: Bounds, value: int) -> Bounds:
    low, high = within if value > 0 else (within[1], within[0])
    return None if low is None else low * value, None if high is None else high * value


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _tighter(a: int | None, b: int | None, choose: Callable[[int, int], int]) -> int | None:
    if a is None or b is None:
        return b if a is None else a
    return choose(a, b)


def simplify(dim: Dim, ranges: Mapping[str, Range]) -> Dim:
    """DIM with those divisions resolved that RANGES decide: floor((4*i + j) / 4) is i when 0 <= j < 4."""
    if isinstance(dim, int):
        return dim

    def convert(atom: Atom) -> Dim:
        if isinstance(atom, str):
            return Affine((((atom,), 1),))
        numerator, denominator = simplify(atom.numerator, ranges), simplify(atom.denominator, ranges)
        return _divide_within(numerator, denominator, ranges)

    return map_atoms(dim, convert)


def _divide_within(numerator: Dim, denominator: Dim, ranges: Mapping[str, Range]) -> Dim:
    whole, rest, divisor = split_division(numerator, denominator)
    low, high = bounds(rest, ranges)
    if low is not None and low >= 0 and is_nonnegative(divisor - 1 - rest, ranges):
        return whole
    if isinstance(divisor, int) and not isinstance(rest, int):
        if low is not None and high is not None and low // divisor == high // divisor:
            return whole + low // divisor
        smaller = _drop_small_terms(rest, divisor, ranges)
        if smaller is not None:
            return whole + smaller
    return whole + floordiv(rest, divisor)


def _drop_small_terms(rest: Affine, divisor: int, ranges: Mapping[str, Range]) -> Dim | None:
    """floor(x / d) for floor((g*x + y) / (g*d)) with 0 <= y < g; None if there is no such g."""
    factors = {gcd(value, divisor) for monomial, value in rest.terms if monomial} - {1, divisor}
    for factor in sorted(factors, reverse=True):
        kept = {monomial: value // factor for monomial, value in rest.terms if value % factor == 0}
        small = rest - normal(kept) * factor
        low, high = bounds(small, ranges)
        if low is not None and high is not None and low >= 0 and high < factor:
            return _divide_within(normal(kept), divisor // factor, ranges)
    return None


def is_nonnegative(dim: Dim, ranges: Mapping[str, Range]) -> bool:
    """Whether RANGES prove DIM >= 0."""
    low, _ = bounds(dim, ranges)
    return low is not None and low >= 0


def may_be_empty(size: Dim, ranges: Mapping[str, Range]) -> bool:
    """Whether SIZE may be 0: False if RANGES prove SIZE >= 1."""
    low, _ = bounds(size, ranges)
    return low is None or low < 1


def occupied(size: Dim, ranges: Mapping[str, Range]) -> Dim:
    """1 where SIZE, which is never negative, is at least 1, and 0 where it is 0: ceil(SIZE / its maximum).

    Raises ValueError if SIZE may be 0 and RANGES do not bound it.
    """
    if not may_be_empty(size, ranges):
        return 1
    most = bounds(size, ranges)[1]
    if most is None:
        raise ValueError(f"the size {size} is unbounded")
    return ceildiv(size, most) if most > 0 else 0
