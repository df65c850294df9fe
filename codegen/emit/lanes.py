"""How index expressions vary across the lanes of a vector.

A lane here is an element of the short vector that one thread computes, not a thread of a warp. The thread
handles `count` consecutive values of one index symbol, starting at a multiple of `count`. A load with stride
1 from lane to lane becomes one vectorized load; a load with stride 0 is a scalar that all lanes share.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.affine import Affine, Atom, Dim, FloorDiv
from ...dialects.core.affine_traversal import symbols


@dataclass(frozen=True, slots=True)
class Lanes:
    """A vector of `count` lanes (a power of two), over consecutive values of the index `symbol`."""

    symbol: str
    count: int

    def stride(self, dim: Dim) -> int | None:
        """The stride of DIM from lane to lane: 0 when it is uniform, None when it is not linear."""
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
        """True when DIM is a multiple of `count` at the first lane, for all values of the other symbols."""
        if isinstance(dim, int):
            return dim % self.count == 0
        return all(value % self.count == 0 or self.symbol in monomial for monomial, value in dim.terms)

    def uniform(self, dim: Dim) -> bool:
        """True when DIM is the same in all lanes."""
        return self.stride(dim) == 0

    def block_of(self, low: Dim, dim: Dim, high: Dim) -> bool:
        """True when the predicate `low <= dim < high` is uniform, so that the first lane can decide it."""
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
        """True when ATOM is uniform: floor((count*q + lane) / (count*d)) does not depend on the lane."""
        if not isinstance(atom.denominator, int) or atom.denominator % self.count:
            return self.stride(atom.numerator) == 0 and self.stride(atom.denominator) == 0
        return self.stride(atom.numerator) in (0, 1) and (
            self.stride(atom.numerator) == 0 or self.aligned(atom.numerator)
        )
