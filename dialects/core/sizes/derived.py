"""Symbols that are computed from others before a run: selected sizes, broadcasts, data-dependent counts."""

from __future__ import annotations

from .. import constraints
from ..affine import Dim, symbol
from ..affine_traversal import evaluate
from ..bounds import bounds
from ..constraints import Derived, broadcast_of, chosen_by, negated
from ..module import Module, SymbolRange
from .counted import Counted
from .known import LARGEST, KnownSizes
from .outcomes import Conflict


class DerivedSizes(KnownSizes):
    """Derives symbols where no operand is certain to be the result. `counted`: the data-dependent symbols."""

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        self.counted = Counted(module, self.derive)

    def derive(self, function: str, *operands: Dim) -> Dim:
        """FUNCTION (see `Derived`) of OPERANDS: one of them if that is certain, else a derived symbol."""
        if function in ("min", "max"):
            operands = tuple(sorted(operands, key=lambda dim: (isinstance(dim, int), str(dim))))
        certain = self._certain(function, operands)
        if certain is not None:
            return certain
        definition = Derived(function, operands)
        span = self._derived_range(definition)
        if span.minimum < 0 >= span.maximum:  # canonical sign, so that no size is -1 times another symbol
            flipped, changed = negated(function, operands)
            return self.derive(flipped, *changed) * -1
        for name, other in self.module.derived.items():
            if other == definition:
                return symbol(name)
        name = self.fresh("S")
        self.module.derived[name] = definition
        self.module.symbols[name] = span
        return symbol(name)

    def _certain(self, function: str, operands: tuple[Dim, ...]) -> Dim | None:
        if all(isinstance(operand, int) for operand in operands):
            return constraints.apply(function, tuple(int(o) for o in operands if isinstance(o, int)))
        if function == "broadcast":
            return broadcast_of(*operands)
        condition, yes, no = chosen_by(function, operands)
        if yes == no or self.proves(condition):
            return yes
        # Where the condition is 0, the two operands of min and max are equal.
        return no if self.proves(-1 * condition - (function == "select")) else None

    def _derived_range(self, definition: Derived) -> SymbolRange:
        chosen = definition.operands[1:] if definition.function == "select" else definition.operands
        found = [bounds(dim, self.ranges) for dim in chosen]
        lows = [-LARGEST if low is None else low for low, _ in found]
        highs = [LARGEST if high is None else high for _, high in found]
        low = max(lows) if definition.function == "max" else min(lows)
        high = min(highs) if definition.function == "min" else max(highs)
        middle = definition.value(self.module.values_at("optimum"))
        return SymbolRange(low, min(max(middle, low), high), high)

    def count(self, bound: Dim, least: Dim = 0) -> Dim:
        """A new symbol for a data-dependent number from LEAST to BOUND."""
        name = self.fresh("n")
        most = bounds(bound, self.ranges)[1]
        if most is None:
            raise Conflict(f"{bound}, which bounds what depends on data, has no bound itself")
        usual = evaluate(bound, self.module.values_at("optimum"))
        low = max(bounds(least, self.ranges)[0] or 0, 0)
        self.module.symbols[name] = SymbolRange(low, min(max(usual, low), most), most)
        self.counted.bounds[name], self.counted.least[name] = bound, least
        return symbol(name)
