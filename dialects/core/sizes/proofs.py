"""Proofs about sizes, for all values that ranges and constraints allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..affine import Affine, Dim, symbol
from ..affine_traversal import substitute, symbols
from ..bounds import Range, bounds
from ..module import Module
from .inequalities import multiples, without_division
from .values import Values

RELAXATIONS = 8  # the most divisions that a proof replaces by bounds
FACTS = 64  # the most constraints that a proof tries in turn


class Proofs:
    """Proofs about the sizes of MODULE: by ranges, by constraints, or by enumerating all values. FINAL: no
    symbol is replaced any more (`Values`)."""

    def __init__(self, module: Module, final: bool = False) -> None:
        self.values = Values(module, final)
        self._module = module
        self._known: set[Dim] = set()

    def forget(self) -> None:
        """Drop cached results after symbols were replaced."""
        self._known.clear()
        self.values.forget()

    def proves(self, dim: Dim) -> bool:
        """Whether DIM >= 0 for all values that ranges and constraints allow."""
        if isinstance(dim, int):
            return dim >= 0
        if dim in self._known:
            return True
        if not (self.bounded(dim) or self._follows(dim) or self.values.all_at_least_zero(dim)):
            return False
        self._known.add(dim)
        return True

    def sign(self, dim: Dim) -> int | None:
        """-1, 0 or 1 if DIM is negative, zero or positive for all values; else None."""
        if self.proves(dim - 1):
            return 1
        if self.proves(-1 - dim):
            return -1
        return 0 if dim == 0 or (self.proves(dim) and self.proves(-1 * dim)) else None

    def bounded(self, dim: Dim, ranges: Mapping[str, Range] | None = None) -> bool:
        """Whether RANGES alone (by default those of the module) imply DIM >= 0."""
        ranges = self._module.ranges if ranges is None else ranges
        for _ in range(RELAXATIONS):
            low, _high = bounds(dim, ranges)
            if low is not None and low >= 0:
                return True
            relaxed = without_division(dim)
            if relaxed is None:
                return False
            dim = relaxed
        return False

    def _follows(self, dim: Dim) -> bool:
        """Whether DIM is at least an expression that is known to be non-negative."""
        if isinstance(dim, int):
            return False
        numbers = self._numbers() if self.values.final else {}
        named = symbols(dim)
        dim = substitute(dim, numbers)
        found = [substitute(fact, numbers) for fact in self._facts() if symbols(fact) & named]
        facts = [fact for fact in found if isinstance(fact, Affine)]
        return isinstance(dim, Affine) and any(
            self.bounded(dim - fact * times)
            for fact in facts[:FACTS]
            for times in multiples(fact, dim)
            if self.bounded(times)
        )

    def _numbers(self) -> dict[str, Dim]:
        """The symbols that constraints state to be numbers."""
        stated = [(each.left, each.right) for each in self._module.constraints if each.relation == "=="]
        return {
            str(one): two for one, two in stated if str(one) in self._module.symbols and symbols(two) == set()
        }

    def _facts(self) -> Iterator[Dim]:
        """The expressions that constraints and derived symbols state to be non-negative."""
        for each in self._module.constraints:
            if each.relation in ("==", ">="):
                yield each.left - each.right
            if each.relation == "==":
                yield each.right - each.left
        for name, definition in self._module.derived.items():
            if definition.function in ("min", "max"):
                sign = 1 if definition.function == "min" else -1
                yield from ((operand - symbol(name)) * sign for operand in definition.operands)
