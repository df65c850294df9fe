"""Statements about sizes for all values of the symbols: by their ranges, else at the ranges' corners."""

from __future__ import annotations

from itertools import product

from ....dialects.core.affine import Dim, evaluate, is_nonnegative
from ....dialects.core.constraints import broken, with_derived
from ....dialects.core.ir import Module
from ....dialects.core.sizes.sizes import Sizes

MOST_CORNERS = 64


class SymbolValues:
    """The values that the symbols of MODULE may take."""

    def __init__(self, module: Module) -> None:
        self.ranges = module.ranges
        self.corners = _corners(module)
        self._sizes = Sizes(module)

    def exceeding(self, a: Dim, b: Dim, elements: Dim = 1) -> dict[str, int] | None:
        """Values of the symbols for which A > B; None when A <= B is proved, or true for all values where
        these are few, or else at every corner.

        Nothing is asked of values for which there are no ELEMENTS.
        """
        if is_nonnegative(b - a, self.ranges) or self._sizes.proves(b - a):
            return None
        if not self.corners:  # nothing to try it at
            return self._sizes.counterexample(b - a, elements)
        for values in self.corners:
            if evaluate(a - b, values) > 0 and evaluate(elements, values) > 0:
                return values
        return self._sizes.counterexample(b - a, elements)

    def equal(self, a: Dim, b: Dim) -> bool:
        """Whether A is B for all values."""
        return a == b or (self._sizes.proves(a - b) and self._sizes.proves(b - a))


def _corners(module: Module) -> list[dict[str, int]]:
    """All free symbols at their ends, in every combination while these are few, and the optimum: those of
    them that the constraints allow."""
    free = {name: r for name, r in module.symbols.items() if name not in module.derived}
    found = [module.values_at(which) for which in ("minimum", "optimum", "maximum")]
    if 2 ** len(free) <= MOST_CORNERS and free:
        ends = [sorted({r.minimum, r.maximum}) for r in free.values()]
        found = [*(dict(zip(free, values, strict=True)) for values in product(*ends)), found[1]]
    allowed = (_allowed(module, {name: values[name] for name in free}) for values in found)
    return [values for values in allowed if values is not None] if free else [{}]


def _allowed(module: Module, free: dict[str, int]) -> dict[str, int] | None:
    """All symbols where the FREE ones have these values; None where these are not allowed, or divide by 0."""
    try:
        values = with_derived(module.derived, free)
        return values if broken(module.constraints, values) is None else None
    except ZeroDivisionError:
        return None


def described(values: dict[str, int]) -> str:
    """` when N = 8`; empty without symbols."""
    listed = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f" when {listed}" if listed else ""
