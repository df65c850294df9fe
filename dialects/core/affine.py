"""Symbolic integers: dimensions, sizes and index expressions.

A `Dim` is an `int` or an `Affine`: a polynomial with integer coefficients over atoms, where
an atom is a symbol or the floor division of a Dim by a Dim. Values are kept in a canonical
form, so that equal expressions compare equal and print alike. The same algebra serves
tensor dimensions (`2*N`), buffer sizes, launch grids and the index arithmetic of kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Union

Dim = Union[int, "Affine"]
Range = tuple[int, int | None]


@dataclass(frozen=True)
class FloorDiv:
    """The atom floor(numerator / denominator); the denominator is positive."""

    numerator: Dim
    denominator: Dim

    def __str__(self) -> str:
        return f"floordiv({self.numerator}, {self.denominator})"


Atom = str | FloorDiv
Monomial = tuple[Atom, ...]


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
        return _normal(_accumulate((self, other)))

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + other * -1

    def __rsub__(self, other: Dim) -> Dim:
        return self * -1 + other

    def __mul__(self, other: Dim) -> Dim:
        if isinstance(other, int):
            return _normal({monomial: value * other for monomial, value in self.terms})
        return _normal(_multiply(self, other))

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return floordiv(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floordiv(other, self)

    def __mod__(self, other: Dim) -> Dim:
        return self - floordiv(self, other) * other

    def __str__(self) -> str:
        return "".join(_term_text(m, c, first=i == 0) for i, (m, c) in enumerate(self.terms))


def symbol(name: str) -> Affine:
    """The Dim that stands for the symbol NAME."""
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
    total: dict[Monomial, int] = {}
    for left, x in a.terms:
        for right, y in b.terms:
            monomial = tuple(sorted(left + right, key=str))
            total[monomial] = total.get(monomial, 0) + x * y
    return total


def _order(item: tuple[Monomial, int]) -> tuple[int, list[str]]:
    monomial = item[0]
    return (-len(monomial), [str(atom) for atom in monomial])


def _normal(total: Mapping[Monomial, int]) -> Dim:
    kept = [(monomial, value) for monomial, value in total.items() if value]
    if not kept:
        return 0
    if len(kept) == 1 and kept[0][0] == ():
        return kept[0][1]
    return Affine(tuple(sorted(kept, key=_order)))


def _term_text(monomial: Monomial, value: int, *, first: bool) -> str:
    sign = "-" if value < 0 else ("" if first else "+")
    factors = [str(atom) for atom in monomial]
    if abs(value) != 1 or not factors:
        factors.insert(0, str(abs(value)))
    return sign + "*".join(factors)


def floordiv(a: Dim, b: Dim) -> Dim:
    """floor(a / b) for positive b; multiples of b inside a are taken out of the division."""
    if isinstance(b, int):
        return _floordiv_int(a, b)
    exact = exact_div(a, b)
    if exact is not None:
        return exact
    return Affine((((FloorDiv(a, b),), 1),))


def _floordiv_int(a: Dim, b: int) -> Dim:
    if b <= 0:
        raise ZeroDivisionError(f"floordiv by {b}")
    if isinstance(a, int):
        return a // b
    if b == 1:
        return a
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, value in a.terms:
        quotient, remainder = divmod(value, b)
        if quotient and (remainder == 0 or monomial == ()):
            whole[monomial] = quotient
        if remainder:
            rest[monomial] = remainder if monomial == () else value
    remaining = _normal(rest)
    if isinstance(remaining, int):
        return _normal(whole) + remaining // b
    single = _single_division(remaining)
    if single is not None:
        return _normal(whole) + floordiv(single.numerator, single.denominator * b)
    return _normal(whole) + Affine((((FloorDiv(remaining, b),), 1),))


def _single_division(dim: Affine) -> FloorDiv | None:
    """The division that DIM consists of, if it is one alone: floor(floor(a/b)/c) = floor(a/(b*c))."""
    if len(dim.terms) == 1 and dim.terms[0][1] == 1 and len(dim.terms[0][0]) == 1:
        atom = dim.terms[0][0][0]
        return atom if isinstance(atom, FloorDiv) else None
    return None


def ceildiv(a: Dim, b: Dim) -> Dim:
    """ceil(a / b) for positive b."""
    return floordiv(a + b - 1, b)


def align_up(a: Dim, multiple: int) -> Dim:
    """The least multiple of MULTIPLE that is not below A."""
    return ceildiv(a, multiple) * multiple


def exact_div(a: Dim, b: Dim) -> Dim | None:
    """a / b when b is one monomial that divides every term of a, else None."""
    terms = tuple(_terms(b))
    if len(terms) != 1:
        return 1 if a == b else None
    divisor, by = terms[0]
    if by == 0:
        return None
    result: dict[Monomial, int] = {}
    for monomial, value in _terms(a):
        left = list(monomial)
        for atom in divisor:
            if atom not in left:
                return None if value else 0
            left.remove(atom)
        if value % by:
            return None
        result[tuple(left)] = value // by
    return _normal(result)


def product(dims: Iterable[Dim]) -> Dim:
    """The product of DIMS; 1 when there are none."""
    result: Dim = 1
    for dim in dims:
        result = result * dim
    return result


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of DIMS in one normalisation, so long sums stay linear."""
    return _normal(_accumulate(dims))


def _map_atoms(dim: Dim, convert: Callable[[Atom], Dim]) -> Dim:
    if isinstance(dim, int):
        return dim
    return total(value * product(convert(atom) for atom in monomial) for monomial, value in dim.terms)


def substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """DIM with each symbol in VALUES replaced."""
    if isinstance(dim, int):
        return dim

    def convert(atom: Atom) -> Dim:
        if isinstance(atom, str):
            return values.get(atom, Affine((((atom,), 1),)))
        return floordiv(substitute(atom.numerator, values), substitute(atom.denominator, values))

    return _map_atoms(dim, convert)


def evaluate(dim: Dim, values: Mapping[str, int]) -> int:
    """The integer that DIM is under VALUES; KeyError names a symbol without one."""
    result = substitute(dim, values) if isinstance(dim, Affine) else dim
    if isinstance(result, Affine):
        raise KeyError(next(iter(sorted(symbols(result)))))
    return result


def symbols(dim: Dim) -> set[str]:
    """The names of all symbols in DIM."""
    found: set[str] = set()
    pending = [dim]
    while pending:
        current = pending.pop()
        if isinstance(current, int):
            continue
        for monomial, _ in current.terms:
            for atom in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    pending += [atom.numerator, atom.denominator]
    return found


def bounds(dim: Dim, ranges: Mapping[str, Range]) -> tuple[int | None, int | None]:
    """Inclusive lower and upper bounds of DIM; symbols without a range are at least 0. None: unbounded."""
    if isinstance(dim, int):
        return dim, dim
    low: int | None = 0
    high: int | None = 0
    for monomial, value in dim.terms:
        least, most = _monomial_bounds(monomial, ranges)
        if value < 0:
            least, most = most, least
        low = None if low is None or least is None else low + value * least
        high = None if high is None or most is None else high + value * most
    return low, high


def _monomial_bounds(monomial: Monomial, ranges: Mapping[str, Range]) -> tuple[int | None, int | None]:
    low: int | None = 1
    high: int | None = 1
    for atom in monomial:
        least, most = _atom_bounds(atom, ranges)
        if least is None or least < 0:
            return None, None
        low = None if low is None else low * least
        high = None if high is None or most is None else high * most
    return low, high


def _atom_bounds(atom: Atom, ranges: Mapping[str, Range]) -> tuple[int | None, int | None]:
    if isinstance(atom, str):
        return ranges.get(atom, (0, None))
    low, high = bounds(atom.numerator, ranges)
    least, most = bounds(atom.denominator, ranges)
    if low is None or least is None or least < 1 or low < 0:
        return (low // least if low is not None and least and least == most else None), None
    return low // (most if most is not None else low + 1), None if high is None else high // least


def simplify(dim: Dim, ranges: Mapping[str, Range]) -> Dim:
    """DIM with divisions resolved that RANGES decide: floor((4*i + j) / 4) is i when 0 <= j < 4."""
    if isinstance(dim, int):
        return dim

    def convert(atom: Atom) -> Dim:
        if isinstance(atom, str):
            return Affine((((atom,), 1),))
        numerator, denominator = simplify(atom.numerator, ranges), simplify(atom.denominator, ranges)
        return _divide_within(numerator, denominator, ranges)

    return _map_atoms(dim, convert)


def _divide_within(numerator: Dim, denominator: Dim, ranges: Mapping[str, Range]) -> Dim:
    multiple, rest = _split_multiples(numerator, denominator)
    low, high = bounds(rest, ranges)
    least, _ = bounds(denominator, ranges)
    if low is not None and low >= 0 and least is not None:
        if high is not None and high < least:
            return multiple
        if is_nonnegative(denominator - 1 - rest, ranges):
            return multiple
    return multiple + floordiv(rest, denominator)


def _split_multiples(numerator: Dim, denominator: Dim) -> tuple[Dim, Dim]:
    """(q, r) with numerator = q*denominator + r, where q takes every term that divides exactly."""
    quotients: list[Dim] = []
    rest: list[Dim] = []
    for monomial, value in _terms(numerator):
        term: Dim = _normal({monomial: value})
        divided = exact_div(term, denominator)
        if divided is None:
            rest.append(term)
        else:
            quotients.append(divided)
    return total(quotients), total(rest)


def is_nonnegative(dim: Dim, ranges: Mapping[str, Range]) -> bool:
    """True when RANGES prove DIM >= 0."""
    low, _ = bounds(dim, ranges)
    return low is not None and low >= 0


def to_json(dim: Dim) -> object:
    """DIM in the prefix form that plan manifests use: ["*", "N", 4]."""
    if isinstance(dim, int):
        return dim
    parts = [_term_json(monomial, value) for monomial, value in dim.terms]
    return parts[0] if len(parts) == 1 else ["+", *parts]


def _term_json(monomial: Monomial, value: int) -> object:
    factors: list[object] = [
        atom if isinstance(atom, str) else ["floordiv", to_json(atom.numerator), to_json(atom.denominator)]
        for atom in monomial
    ]
    if value != 1 or not factors:
        factors.append(value)
    return factors[0] if len(factors) == 1 else ["*", *factors]
