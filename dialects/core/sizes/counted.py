"""Symbols with data-dependent values: counts, such as the number of kept boxes.

No input determines a count, so nothing can be required of it before a run. It is known to lie between 0 and a
bound, which is a size. Statements about all counts are decided at the ends of that range, and memory is
reserved for the bound.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Set

from ..affine import Affine, Dim, FloorDiv, Monomial
from ..affine_traversal import substitute, symbols
from ..module import Module
from .values import closure

Derive = Callable[..., Dim]
MOST_WAYS = 64  # the most ways in which a sum of products may be 0 that are tried


class DependsOnData(Exception):
    """A requirement on sizes that only data can decide."""


class Counted:
    """The counts of MODULE, each from its `least` to its `bounds`, which are sizes.

    DERIVE creates derived symbols (`Sizes.derive`).
    """

    def __init__(self, module: Module, derive: Derive) -> None:
        self.bounds: dict[str, Dim] = {}
        self.least: dict[str, Dim] = {}
        self._module = module
        self._derive = derive

    def within(self, dim: Dim) -> set[str]:
        """The symbols in DIM with data-dependent values: counts, and symbols derived from counts."""
        if not self.bounds:
            return set()
        return {name for name in symbols(dim) if self.bounds.keys() & closure([name], self._module)}

    def largest(self, dim: Dim) -> Dim:
        """DIM at the largest counts, a size. Raises DependsOnData unless it grows with each of them."""
        for name in sorted(self.within(dim)):
            if not _grows(dim, name):
                raise DependsOnData(f"the size {dim} shrinks where {name}, which depends on data, grows")
            dim = substitute(dim, {name: self._largest_of(name)})
        return self.largest(dim) if self.within(dim) else dim

    def shrinks(self, dim: Dim) -> bool:
        """Whether DIM, a size, certainly decreases as its counts grow: 20 - count."""
        return bool(self.within(dim)) and all(_grows(-1 * dim, name) for name in self.within(dim))

    def most(self, dim: Dim) -> Dim:
        """The largest value of DIM, which grows or shrinks with all counts in it."""
        if not self.shrinks(dim):
            return self.largest(dim)
        return substitute(dim, {name: self._module.symbols[name].minimum for name in self.within(dim)})

    def _largest_of(self, name: str) -> Dim:
        if name in self.bounds:
            return self.largest(self.bounds[name])
        definition = self._module.derived[name]
        if definition.function not in ("min", "max"):
            raise DependsOnData(f"{name} = {definition} is chosen by what depends on data")
        return self._derive(definition.function, *map(self.largest, definition.operands))

    def ends(self, dim: Dim) -> tuple[Dim, Dim]:
        """DIM at both ends of the range of one of its data-dependent symbols, on which no other depends.

        DIM is linear in that symbol, so its minimum is at one of the ends. Raises DependsOnData if it is not
        linear.
        """
        inside = self.within(dim)
        name = next(n for n in sorted(inside) if not any(n in self._behind(o) for o in inside - {n}))
        if not _linear(dim, name):
            raise DependsOnData(f"{dim} depends on data")
        most = self.bounds[name] if name in self.bounds else self._largest_of(name)
        least = self.least.get(name, self._module.symbols[name].minimum)
        return substitute(dim, {name: least}), substitute(dim, {name: most})

    def covers(self, dim: Dim) -> bool:
        """Whether DIM is a sum of terms (a * size - b) * count with a >= b > 0, and each count is 0 if its
        size is.

        Then it is never negative, as for positions found in a tensor of that size. Sizes may be sums.
        """
        terms = dim.terms if isinstance(dim, Affine) else ()
        if len(terms) > 2 and any(self._may_be_negative(monomial) for monomial, _ in terms):
            return False
        left = {monomial: value for monomial, value in terms if value > 0}
        parts = [(monomial, -value) for monomial, value in terms if value < 0]
        return bool(parts) and all(self._covered(part, least, left) for part, least in parts)

    def _covered(self, part: Monomial, least: int, left: dict[Monomial, int]) -> bool:
        """Whether what is LEFT of sizes times counts covers LEAST times PART, which takes its share of it."""
        sizes: list[list[str]] = []
        for whole, most in left.items():
            size = [atom for atom in dict.fromkeys(whole) if whole.count(atom) > part.count(atom)]
            named = [atom for atom in size if isinstance(atom, str)]
            holds = all(whole.count(atom) >= part.count(atom) for atom in part)
            if holds and most >= least and len(named) == len(size):
                left[whole] = most - least
                sizes.append(named)
        # The sum is 0 where a factor of every term is.
        ways = list(itertools.product(*sizes)) if math.prod(map(len, sizes)) <= MOST_WAYS else []
        return bool(ways) and all(self._vanishes(Affine(((part, 1),)), set(zeros)) for zeros in ways)

    def _may_be_negative(self, monomial: Monomial) -> bool:
        return any(isinstance(a, FloorDiv) or self._module.symbols[a].minimum < 0 for a in monomial)

    def _vanishes(self, dim: Dim, zeros: Set[str]) -> bool:
        """Whether DIM is surely 0 where the symbols ZEROS are, being at most what it is bounded by."""
        if not isinstance(dim, Affine):
            return dim == 0
        return all(any(self._atom_vanishes(atom, zeros) for atom in monomial) for monomial, _ in dim.terms)

    def _atom_vanishes(self, atom: str | FloorDiv, zeros: Set[str]) -> bool:
        if isinstance(atom, FloorDiv):
            return self._vanishes(atom.numerator, zeros)
        if atom in zeros:
            return True
        if atom in self.bounds:
            return self._vanishes(self.bounds[atom], zeros)
        definition = self._module.derived.get(atom)
        if definition is None or definition.function != "min" or self._module.symbols[atom].minimum < 0:
            return False
        return any(self._vanishes(operand, zeros) for operand in definition.operands)

    def _behind(self, name: str) -> set[str]:
        """The symbols that NAME is derived from or bounded by."""
        found: set[str] = set()
        pending = [name]
        while pending:
            at = pending.pop()
            more = self._module.derived[at].symbols if at in self._module.derived else set()
            more = more | symbols(self.bounds.get(at, 0))
            pending += more - found
            found |= more
        return found

    def replace(self, values: Mapping[str, Dim]) -> None:
        """Replace symbols in the bounds."""
        self.bounds = {name: substitute(bound, values) for name, bound in self.bounds.items()}
        self.least = {name: substitute(least, values) for name, least in self.least.items()}


def _grows(dim: Dim, name: str) -> bool:
    """Whether DIM, in which all other symbols are sizes, is certainly non-decreasing in NAME."""
    for monomial, value in dim.terms if isinstance(dim, Affine) else ():
        for atom in monomial:
            if name in _named(atom) and not (value > 0 and _atom_grows(atom, name)):
                return False
    return True


def _atom_grows(atom: str | FloorDiv, name: str) -> bool:
    if isinstance(atom, str):
        return True
    return name not in symbols(atom.denominator) and _grows(atom.numerator, name)


def _linear(dim: Dim, name: str) -> bool:
    """Whether NAME occurs in no product with itself and in no division."""
    for monomial, _ in dim.terms if isinstance(dim, Affine) else ():
        with_it = [atom for atom in monomial if name in _named(atom)]
        if len(with_it) > 1 or any(isinstance(atom, FloorDiv) for atom in with_it):
            return False
    return True


def _named(atom: str | FloorDiv) -> set[str]:
    return {atom} if isinstance(atom, str) else symbols(atom.numerator) | symbols(atom.denominator)
