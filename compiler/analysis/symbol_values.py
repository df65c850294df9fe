"""Statements about sizes for all values of the symbols: by their ranges, else at the ranges' corners."""

from __future__ import annotations

from itertools import product

from ...dialects.core.affine import Dim, evaluate, is_nonnegative
from ...dialects.core.ir import Module

MOST_CORNERS = 64


class SymbolValues:
    """The values that the symbols of MODULE may take."""

    def __init__(self, module: Module) -> None:
        self.ranges = module.ranges
        self.corners = _corners(module)

    def exceeding(self, a: Dim, b: Dim, elements: Dim = 1) -> dict[str, int] | None:
        """Values of the symbols for which A > B; None when A <= B is proved, or true at every corner.

        Nothing is asked of values for which there are no ELEMENTS.
        """
        if is_nonnegative(b - a, self.ranges):
            return None
        for values in self.corners:
            if evaluate(a - b, values) > 0 and evaluate(elements, values) > 0:
                return values
        return None


def _corners(module: Module) -> list[dict[str, int]]:
    """All symbols at their ends, in every combination while these are few, and the optimum."""
    ends = [sorted({r.minimum, r.maximum}) for r in module.symbols.values()]
    names = list(module.symbols)
    uniform = [module.values_at(which) for which in ("minimum", "optimum", "maximum")]
    if 2 ** len(names) > MOST_CORNERS:
        return uniform
    mixed = [dict(zip(names, values, strict=True)) for values in product(*ends)]
    return [*mixed, uniform[1]] if names else [{}]


def described(values: dict[str, int]) -> str:
    """` when N = 8`; empty without symbols."""
    listed = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f" when {listed}" if listed else ""
