"""Symbols whose values data decides: counts, such as the number of boxes that are kept.

No input determines a count, so nothing can be required of it before a run. It is known to be between 0 and a
bound, a size. What holds for every count is decided at the ends of that range, and memory is for the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product as choices

from ..affine import Affine, Dim, FloorDiv, substitute, symbols
from ..ir import Module
from .values import closure

Derive = Callable[..., Dim]


class DependsOnData(Exception):
    """Something is required of sizes that only data can decide."""


class Counted:
    """The counts of MODULE with their BOUNDS; DERIVE makes derived symbols (`Sizes.derive`)."""

    def __init__(self, module: Module, derive: Derive) -> None:
        self.bounds: dict[str, Dim] = {}
        self._module = module
        self._derive = derive

    def within(self, dim: Dim) -> set[str]:
        """The symbols in DIM whose values data decides: counts, and what is derived from counts."""
        if not self.bounds:
            return set()
        return {name for name in symbols(dim) if self.bounds.keys() & closure([name], self._module)}

    def largest(self, dim: Dim) -> Dim:
        """DIM for the largest counts, a size. Raises DependsOnData unless it grows with each of them."""
        for name in sorted(self.within(dim)):
            if not _grows(dim, name):
                raise DependsOnData(f"the size {dim} shrinks where {name}, which depends on data, grows")
            dim = substitute(dim, {name: self._largest_of(name)})
        return self.largest(dim) if self.within(dim) else dim

    def _largest_of(self, name: str) -> Dim:
        if name in self.bounds:
            return self.largest(self.bounds[name])
        definition = self._module.derived[name]
        if definition.function not in ("min", "max"):
            raise DependsOnData(f"{name} = {definition} is chosen by what depends on data")
        return self._derive(definition.function, *map(self.largest, definition.operands))

    def at_ends(self, dim: Dim) -> Iterator[Dim]:
        """DIM at all ends of the ranges of its counts, in all combinations.

        Where DIM is linear in each of them, it is nowhere less than the least of these. Raises DependsOnData
        where it is not.
        """
        names = sorted(self.within(dim))
        if any(not _linear(dim, name) for name in names):
            raise DependsOnData(f"{dim} depends on data")
        ends = [(self._module.symbols[name].minimum, self._largest_of(name)) for name in names]
        for chosen in choices(*ends):
            yield substitute(dim, dict(zip(names, chosen, strict=True)))

    def replace(self, values: Mapping[str, Dim]) -> None:
        """Replace symbols in the bounds."""
        self.bounds = {name: substitute(bound, values) for name, bound in self.bounds.items()}


def _grows(dim: Dim, name: str) -> bool:
    """Whether DIM, in which all other symbols are sizes, surely does not shrink where NAME grows."""
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
    """Whether NAME is in no product with itself and in no division."""
    for monomial, _ in dim.terms if isinstance(dim, Affine) else ():
        with_it = [atom for atom in monomial if name in _named(atom)]
        if len(with_it) > 1 or any(isinstance(atom, FloorDiv) for atom in with_it):
            return False
    return True


def _named(atom: str | FloorDiv) -> set[str]:
    return {atom} if isinstance(atom, str) else symbols(atom.numerator) | symbols(atom.denominator)
