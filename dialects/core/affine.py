"""Affine expressions: symbolic integers for dimensions, sizes and indices.

A `Dim` is an `int` or an `Affine`: a polynomial with integer coefficients over atoms, where an atom is a
symbol or the floor division of a Dim by a Dim. Values are kept in a canonical form, so that equal
expressions compare equal and print alike. The same algebra serves tensor dimensions (`2*N`), buffer
sizes, launch grids and the index arithmetic of kernels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import Union

from ...errors import UnsupportedError

Dim = Union[int, "Affine"]
MAX_TERMS = 1 << 11  # of a product; the number of terms multiplies with every factor that is a sum


@dataclass(frozen=True)
class FloorDiv:
    """The atom floor(numerator / denominator); the denominator is positive."""

    numerator: Dim
    denominator: Dim

    def __str__(self) -> str:
        return f"floordiv({self.numerator}, {self.denominator})"


Atom = str | FloorDiv
Monomial = tuple[Atom, ...]
Prefix = (
    int | str | Sequence["Prefix"]
)  # a Dim as data: an operator with its operands behind it, ["*", "N", 4]


@dataclass(frozen=True)
class Affine:
    """A canonical polynomial: monomials in sorted order with non-zero coefficients."""

    terms: tuple[tuple[Monomial, int], ...]

    @cached_property
    def _hash(self) -> int:
        return hash(self.terms)

    def __hash__(self) -> int:
        return self._hash

    def __add__(self, other: Dim) -> Dim:
        if isinstance(other, int):
            return self._plus(other)
        return normal(_accumulate((self, other)))

    def _plus(self, number: int) -> Affine:
        """The sum with NUMBER; the constant is the last term, so nothing has to be sorted."""
        if not number:
            return self
        *rest, (monomial, value) = self.terms
        if monomial:
            return Affine((*self.terms, ((), number)))
        return Affine((*rest, ((), value + number)) if value + number else tuple(rest))

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + other * -1

    def __rsub__(self, other: Dim) -> Dim:
        return self * -1 + other

    def __mul__(self, other: Dim) -> Dim:
        if isinstance(other, int):
            if other in (0, 1):
                return self if other else 0
            return Affine(tuple([(monomial, value * other) for monomial, value in self.terms]))
        return normal(_multiply(self, other))

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return floordiv(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floordiv(other, self)

    def __mod__(self, other: Dim) -> Dim:
        return self - floordiv(self, other) * other

    def __rmod__(self, other: Dim) -> Dim:
        return other - floordiv(other, self) * self

    def __str__(self) -> str:
        return "".join(_term_text(m, c, first=i == 0) for i, (m, c) in enumerate(self.terms))


def symbol(name: str) -> Affine:
    """The Dim of the symbol NAME."""
    return Affine((((name,), 1),))


def _terms(dim: Dim) -> Iterable[tuple[Monomial, int]]:
    if isinstance(dim, Affine):
        return dim.terms
    return (((), int(dim)),)


def _accumulate(dims: Iterable[Dim]) -> dict[Monomial, int]:
    total: dict[Monomial, int] = {}
    for dim in dims:
        for monomial, value in _terms(dim):
            total[monomial] = total.get(monomial, 0) + value
    return total


def _multiply(a: Affine, b: Affine) -> dict[Monomial, int]:
    if len(a.terms) * len(b.terms) > MAX_TERMS:
        text = f"a product of symbolic sizes has {len(a.terms)} times {len(b.terms)} terms"
        raise UnsupportedError(text, f"the limit is {MAX_TERMS}: give names to parts of it")
    total: dict[Monomial, int] = {}
    for left, x in a.terms:
        for right, y in b.terms:
            monomial = tuple(sorted(left + right, key=str))
            total[monomial] = total.get(monomial, 0) + x * y
    return total


def _order(item: tuple[Monomial, int]) -> tuple[int, list[str]]:
    monomial = item[0]
    return (-len(monomial), [str(atom) for atom in monomial])


def normal(total: Mapping[Monomial, int]) -> Dim:
    """The canonical Dim that sums the monomials of TOTAL, each times its coefficient."""
    kept = [(monomial, value) for monomial, value in total.items() if value]
    if not kept:
        return 0
    if len(kept) == 1:
        return Affine((kept[0],)) if kept[0][0] else kept[0][1]
    return Affine(tuple(sorted(kept, key=_order)))


def _term_text(monomial: Monomial, value: int, *, first: bool) -> str:
    sign = "-" if value < 0 else ("" if first else "+")
    factors = [str(atom) for atom in monomial]
    if abs(value) != 1 or not factors:
        factors.insert(0, str(abs(value)))
    return sign + "*".join(factors)


def floordiv(a: Dim, b: Dim) -> Dim:
    """floor(a / b) for positive b, in canonical form. Raises ZeroDivisionError for a b known to be 0 or less.

    Multiples of b are taken out of the division, coefficients in it are reduced to 0..b-1, and common factors
    are cancelled: floordiv(2*i-1, 4) is floordiv(i+1, 2)-1. So a numerator over a number is negative only if
    a symbol is.
    """
    if isinstance(a, int) and isinstance(b, int) and b > 0:
        return a // b
    whole, rest, divisor = split_division(a, b)
    if isinstance(rest, int):
        if rest == 0:
            return whole
        if isinstance(divisor, int):
            return whole + rest // divisor
    single = _single_division(rest)
    if single is not None:
        division, more = single
        return whole + floordiv(
            division.numerator + division.denominator * more, division.denominator * divisor
        )
    return whole + Affine((((FloorDiv(rest, divisor),), 1),))


def split_division(a: Dim, b: Dim) -> tuple[Dim, Dim, Dim]:
    """(q, r, d) with floor(a / b) = q + floor(r / d) and r as small as possible."""
    terms = tuple(_terms(b))
    if len(terms) != 1:
        return (1, 0, 1) if a == b else (0, a, b)
    divisor, by = terms[0]
    if by <= 0:
        raise ZeroDivisionError(f"floordiv by {b}")
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, value in _terms(a):
        left = _without(monomial, divisor)
        if left is None:
            rest[monomial] = value
        else:
            whole[left], remainder = divmod(value, by)
            if remainder:
                rest[monomial] = remainder
    rest, divisor, by = _cancel(rest, divisor, by)
    return normal(whole), normal(rest), normal({divisor: by})


def _cancel(
    rest: Mapping[Monomial, int], divisor: Monomial, by: int
) -> tuple[dict[Monomial, int], Monomial, int]:
    """Cancel the factors that numerator and denominator share; the floor stays the same."""
    # floor((g*x + c) / (g*y)) = floor((x + floor(c / g)) / y): the constant need not share g.
    common = gcd(by, *(value for monomial, value in rest.items() if monomial))
    reduced = {monomial: value // common for monomial, value in rest.items() if monomial or value // common}
    for atom in divisor:
        shorter = {_without(monomial, (atom,)): value for monomial, value in reduced.items()}
        if None not in shorter:
            reduced = {monomial: value for monomial, value in shorter.items() if monomial is not None}
            divisor = _without(divisor, (atom,)) or ()
    by //= common
    if reduced.keys() == {()}:
        reduced, by = {(): reduced[()] // by}, 1
    return reduced, divisor, by


def _without(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    """MONOMIAL / DIVISOR; None if DIVISOR does not divide it."""
    left = list(monomial)
    for atom in divisor:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)


def _single_division(dim: Dim) -> tuple[FloorDiv, int] | None:
    """(division, number) if DIM is their sum, else None. It serves nested divisions:
    floor((floor(a/b) + n) / c) = floor((a + b*n) / (b*c))."""
    if isinstance(dim, int):
        return None
    (monomial, factor), *rest = dim.terms
    if factor != 1 or len(monomial) != 1 or not isinstance(monomial[0], FloorDiv) or len(rest) > 1:
        return None
    more = dict(rest).get((), 0)
    return (monomial[0], more) if bool(rest) == bool(more) else None


def ceildiv(a: Dim, b: Dim) -> Dim:
    """ceil(a / b) for positive b."""
    return floordiv(a + b - 1, b)


def exact_div(a: Dim, b: Dim) -> Dim | None:
    """a / b if b is one monomial that divides every term of a, else None."""
    terms = tuple(_terms(b))
    if len(terms) != 1:
        return 1 if a == b else None
    divisor, by = terms[0]
    if by == 0:
        return None
    if a == 0:
        return 0
    result: dict[Monomial, int] = {}
    for monomial, value in _terms(a):
        left = _without(monomial, divisor)
        if left is None or value % by:
            return None
        result[left] = value // by
    return normal(result)


def product(dims: Iterable[Dim]) -> Dim:
    """The product of DIMS; 1 if there are none."""
    result: Dim = 1
    for dim in dims:
        result = result * dim
    return result


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of DIMS, normalised once, so that long sums take linear time."""
    return normal(_accumulate(dims))
