"""Symbols that a constraint determines: replaced everywhere in the module, by numbers or by other symbols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import constraints
from ..affine import Dim, symbol
from ..constraints import Derived, Determined, chosen_by, is_trivial, is_weaker
from ..location import Location
from ..module import SymbolRange
from . import substitution
from .equations import Solution
from .inequalities import peeled
from .known import LARGEST
from .narrowing import NarrowedSizes
from .outcomes import Conflict, Resized


class DeterminedSizes(NarrowedSizes):
    """Replaces determined symbols, and derived symbols that have thereby become certain."""

    def _determine(self, found: Solution, why: str, location: Location) -> None:
        """Replace the symbol of the solution FOUND everywhere. Raises Resized."""
        old = self.module.symbols[found.name]
        dim = found.dim
        if found.step is not None:
            name = self.fresh("D" if self._anonymous(found.name) else _stem(found.name))
            span = _stepped(old, found.step, found.start)
            if found.name in self.defaults and (span is None or span.maximum < 1):
                raise self.gives_way(found.name, found.step + found.start)
            if span is None:
                text = f"it requires that {why}, but no {found.name} in its range is {found.dim_text}"
                raise Conflict(text, ranges=True)
            self.module.symbols = _renamed(self.module.symbols, found.name, name, span)
            if found.name in self.defaults:
                self.defaults.add(name)
            if self._anonymous(found.name):
                self.unnamed.add(name)
            root, factor, offset = self._roots.get(found.name, (found.name, 1, 0))
            self._roots[name] = (root, factor * found.step, factor * found.start + offset)
            dim = symbol(name) * found.step + found.start
        else:
            self._fit_range(found.name, dim, old, why, location)
            del self.module.symbols[found.name]
        self.module.determined[found.name] = Determined(dim, why, location)
        values = self.replace({found.name: dim})
        self._check_possible(location)
        raise Resized(values)

    def _fit_range(self, name: str, dim: Dim, old: SymbolRange, why: str, location: Location) -> None:
        """Transfer the range of NAME to DIM, which replaces it."""
        if isinstance(dim, int):
            if name in self.defaults and old.maximum < dim <= LARGEST:
                raise self.gives_way(name, dim)
            if not old.minimum <= dim <= old.maximum:
                span = f"{old.minimum}..{old.maximum}"
                text = f"it requires that {why}, but {name} is {dim} then, outside its range {span}"
                raise Conflict(text, ranges=name not in self.defaults)
            return
        ends = [dim - old.minimum] if name in self.defaults else [dim - old.minimum, old.maximum - dim]
        for end in ends:
            if not self.proves(end):
                self._add(constraints.at_least(peeled(end), f"{name} stays in its range", location))

    def replace(self, values: Mapping[str, Dim]) -> dict[str, Dim]:
        """Replace symbols in the module, its constraints and definitions.

        Returns all that were replaced, since derived symbols may have become certain.
        """
        module = self.module
        substitution.in_module(module, values)
        module.determined = {
            name: replace(each, dim=substitution.in_attribute(each.dim, values))
            for name, each in module.determined.items()
        }
        module.contents = {
            name: substitution.in_attribute(content, values) for name, content in module.contents.items()
        }
        changed = dict.fromkeys(constraints.substituted(each, values) for each in module.constraints)
        needed = [each for each in changed if not is_trivial(each)]
        module.constraints = [
            each
            for each in needed
            if not any(is_weaker(each, other) for other in needed if other is not each)
        ]
        self.counted.replace(values)
        self._reorder(
            {
                name: Derived(each.function, substitution.in_attribute(each.operands, values))
                for name, each in module.derived.items()
            }
        )
        self._proofs.forget()
        more = self._settle_derived()
        return {name: substitution.in_attribute(dim, more) for name, dim in values.items()} | more

    def _reorder(self, derived: dict[str, Derived]) -> None:
        """Set the module's definitions to DERIVED, sorted by dependency."""
        module = self.module
        module.derived = {}
        while derived:
            name = next(n for n, each in derived.items() if not each.symbols & derived.keys())
            module.derived[name] = derived.pop(name)
        free = {name: span for name, span in module.symbols.items() if name not in module.derived}
        module.symbols = free | {name: module.symbols[name] for name in module.derived}

    def _settle_derived(self) -> dict[str, Dim]:
        """Replace derived symbols that have become certain; returns their values."""
        for name, definition in self.module.derived.items():
            certain = self._certain(definition.function, definition.operands)
            if certain is not None:
                self._keep_reason(name, definition, certain)
                del self.module.derived[name], self.module.symbols[name]
                return self.replace({name: certain})
        return {}

    def _keep_reason(self, name: str, definition: Derived, certain: Dim) -> None:
        """Keep the reason of a constraint that states NAME == CERTAIN: it is lost once NAME is replaced."""
        if definition.function == "broadcast":
            return
        condition, yes, _ = chosen_by(definition.function, definition.operands)
        sign = 1 if certain == yes else -1
        told = [each for each in self.module.constraints if name in each.symbols]
        if told and not self._proofs.bounded(condition * sign):
            self._add(constraints.at_least(peeled(condition * sign), told[0].why, told[0].location))


def _stem(name: str) -> str:
    """The name that NAME was made from, without its number: H gives h0, and that h1."""
    return name.lower().rstrip("0123456789") or "k"


def _stepped(old: SymbolRange, step: int, start: int) -> SymbolRange | None:
    """The range of k if STEP * k + START has the range OLD; None if it is empty."""
    low, high = max(0, -((start - old.minimum) // step)), (old.maximum - start) // step
    if low > high:
        return None
    usual = max((old.optimum - start) // step, min(old.optimum, 1))  # do not tune for empty tensors
    return SymbolRange(low, min(max(usual, low), high), high)


def _renamed(
    table: Mapping[str, SymbolRange], old: str, new: str, span: SymbolRange
) -> dict[str, SymbolRange]:
    """TABLE with OLD replaced by NEW at the same position."""
    return {(new if name == old else name): (span if name == old else r) for name, r in table.items()}
