"""How index expressions behave across the lanes of a vector.

A kernel thread handles `count` consecutive values of one index symbol, starting at a multiple of
`count`. A load whose offset moves by one from lane to lane is one wide access; one that does not
move is shared by all lanes.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.affine import Affine, Atom, Dim, FloorDiv, symbols


@dataclass(frozen=True, slots=True)
class Lanes:
    """The symbol that differs from lane to lane, and the number of lanes (a power of two)."""

    symbol: str
    count: int

    def stride(self, dim: Dim) -> int | None:
        """What DIM grows by from one lane to the next: 0 when equal in all, None when irregular."""
        if isinstance(dim, int) or self.count == 1:
            return 0
        step = 0
        for monomial, value in dim.terms:
            if monomial == (self.symbol,):
                step += value
            elif not all(self._is_uniform(atom) for atom in monomial):
                return None
        return step

    def aligned(self, dim: Dim) -> bool:
        """True when DIM is a multiple of `count` at the first lane, whatever the other symbols are."""
        if isinstance(dim, int):
            return dim % self.count == 0
        return all(value % self.count == 0 or self.symbol in monomial for monomial, value in dim.terms)

    def uniform(self, dim: Dim) -> bool:
        """True when DIM is the same in all lanes."""
        return self.stride(dim) == 0

    def block_of(self, low: Dim, dim: Dim, high: Dim) -> bool:
        """True when `low <= dim < high` has one answer for all lanes, decided at the first lane."""
        if self.stride(dim) == 1:
            return all(self.aligned(value) and self.uniform(value) for value in (low, high)) and self.aligned(
                dim
            )
        return all(self.uniform(value) for value in (low, dim, high))

    def _is_uniform(self, atom: Atom) -> bool:
        if isinstance(atom, str):
            return atom != self.symbol
        if self.symbol not in symbols(Affine((((atom,), 1),))):
            return True
        return self._division_is_uniform(atom)

    def _division_is_uniform(self, atom: FloorDiv) -> bool:
        """floor((count*q + lane) / (count*d)) does not depend on the lane."""
        if not isinstance(atom.denominator, int) or atom.denominator % self.count:
            return self.stride(atom.numerator) == 0 and self.stride(atom.denominator) == 0
        return self.stride(atom.numerator) in (0, 1) and (
            self.stride(atom.numerator) == 0 or self.aligned(atom.numerator)
        )
