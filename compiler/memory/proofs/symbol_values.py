"""Inequalities between sizes for all values of the symbols: by their ranges, or at the ranges' corners."""

from __future__ import annotations

from itertools import product

from ....dialects.core.affine import Dim
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.bounds import is_nonnegative
from ....dialects.core.constraints import broken, with_derived
from ....dialects.core.module import Module
from ....dialects.core.sizes.proofs import Proofs

MOST_CORNERS = 64


class SymbolValues:
    """The values that the symbols of MODULE may take: their ranges, constraints and corners."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.ranges = module.ranges
        self.corners = _corners(module)
        self._proofs = Proofs(module, final=True)

    def exceeding(self, a: Dim, b: Dim, elements: Dim = 1) -> dict[str, int] | None:
        """Values of the symbols for which A > B, a counterexample to A <= B; None when there is none.

        There is none when A <= B is proved, when it holds for all values where these are few, or otherwise
        when it holds at every corner. Values for which ELEMENTS is 0 do not count.
        """
        if is_nonnegative(b - a, self.ranges) or self._proofs.proves(b - a):
            return None
        if not self.corners:
            return self._proofs.values.negative(b - a, elements)
        for values in self.corners:
            if evaluate(a - b, values) > 0 and evaluate(elements, values) > 0:
                return values
        return self._proofs.values.negative(b - a, elements)

    def equal(self, a: Dim, b: Dim) -> bool:
        """True when A equals B for all values of the symbols."""
        return a == b or (self._proofs.proves(a - b) and self._proofs.proves(b - a))


def _corners(module: Module) -> list[dict[str, int]]:
    """The corners of the free symbols' ranges, and their optimum, as far as the constraints allow these.

    With too many combinations, only all minima and all maxima are corners.
    """
    free = {name: r for name, r in module.symbols.items() if name not in module.derived}
    found = [module.values_at(which) for which in ("minimum", "optimum", "maximum")]
    if 2 ** len(free) <= MOST_CORNERS and free:
        ends = [sorted({r.minimum, r.maximum}) for r in free.values()]
        found = [*(dict(zip(free, values, strict=True)) for values in product(*ends)), found[1]]
    allowed = (_allowed(module, {name: values[name] for name in free}) for values in found)
    return [values for values in allowed if values is not None] if free else [{}]


def _allowed(module: Module, free: dict[str, int]) -> dict[str, int] | None:
    """The values of all symbols for those of the FREE ones; None if a constraint forbids them, or a derived
    symbol divides by 0."""
    try:
        values = with_derived(module.derived, free)
        return values if broken(module.constraints, values) is None else None
    except ZeroDivisionError:
        return None


def described(values: dict[str, int]) -> str:
    """` when N = 8`; empty without symbols."""
    listed = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f" when {listed}" if listed else ""
