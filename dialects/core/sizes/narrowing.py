"""Constraints of a module, and the ranges that they narrow."""

from __future__ import annotations

from ..affine import Dim, symbol
from ..bounds import bounds
from ..constraints import Constraint, is_weaker
from ..location import Location
from ..module import SymbolRange
from .derived import DerivedSizes
from .inequalities import alone
from .known import LARGEST
from .outcomes import Conflict

ROUNDS = 4  # rounds of constraint propagation, in which ranges narrow one another


class NarrowedSizes(DerivedSizes):
    """Adds constraints, and propagates them: constraints narrow ranges, which narrow one another."""

    def _add(self, constraint: Constraint) -> None:
        if self._says(constraint.left, constraint.relation, constraint.right):
            return
        kept = [each for each in self.module.constraints if not is_weaker(each, constraint)]
        self.module.constraints = [*kept, constraint]
        self._values.narrowed(constraint.symbols)
        for _ in range(ROUNDS):
            narrowed = [self._narrow(each) for each in list(self.module.constraints)]
            if True not in narrowed:
                break
        self._check_possible(constraint.location)

    def _check_possible(self, location: Location) -> None:
        """Raise Conflict if the constraints, of which that of LOCATION is the newest, allow no sizes."""
        excluded = self._values.excluded()
        if excluded is not None:
            nodes = excluded.location.nodes
            who = "it" if excluded.location == location or not nodes else f"then '{nodes[0]}'"
            text = f"{who} requires that {excluded.why}, but {excluded} holds for no sizes"
            raise self._conflict(text, excluded)

    def _narrow(self, constraint: Constraint) -> bool:
        """Whether CONSTRAINT narrowed the range of some symbol."""
        dim = constraint.left - constraint.right
        if constraint.relation not in ("==", ">=") or isinstance(dim, int):
            return False
        changed = self._narrow_by(dim, constraint)
        if constraint.relation == "==":
            changed |= self._narrow_by(dim * -1, constraint)
        return changed or self._narrow_to_values(constraint)

    def _narrow_to_values(self, constraint: Constraint) -> bool:
        """Narrow ranges to the values that CONSTRAINT allows, if these are few enough to enumerate."""
        changed = False
        for name in sorted(constraint.symbols - self.module.derived.keys()):
            column = self._values.column(name, constraint.symbols)
            if column is not None and len(column):
                changed |= self._clip(name, int(column.min()), int(column.max()), constraint)
        return changed

    def _narrow_by(self, dim: Dim, constraint: Constraint) -> bool:
        """Narrow the range of every symbol that is a linear term of its own in DIM >= 0."""
        changed = False
        for name, factor in alone(dim):
            if name in self.module.derived:
                continue
            rest = dim - symbol(name) * factor
            most = bounds(rest, self.ranges)[1]
            if most is None:
                continue
            old = self.module.symbols[name]
            if factor > 0:
                changed |= self._clip(name, -(most // factor), old.maximum, constraint)
            else:
                changed |= self._clip(name, old.minimum, most // -factor, constraint)
        return changed

    def _clip(self, name: str, low: int, high: int, constraint: Constraint) -> bool:
        old = self.module.symbols[name]
        low, high = max(low, old.minimum), min(high, old.maximum)
        if low > high:
            if name not in self.defaults or low > LARGEST or high < old.minimum:
                raise Conflict(_outside(name, old, constraint), ranges=name not in self.defaults)
            raise self.gives_way(name, low)
        if (low, high) == (old.minimum, old.maximum):
            return False
        self.module.symbols[name] = SymbolRange(low, min(max(old.optimum, low), high), high)
        self._values.narrowed({name})
        return True


def _outside(name: str, range: SymbolRange, constraint: Constraint) -> str:
    span = f"{range.minimum}..{range.maximum}"
    return f"it requires that {constraint.why}, but {constraint} holds for no {name} in its range {span}"
