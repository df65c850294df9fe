"""Decides all constraints between sizes.

Every constraint that an op requires (one size at least another, two equal) is passed to `Sizes`, which tries
in this order:

- it holds for all values of the symbols: nothing to do;
- it determines a symbol, which is replaced everywhere (`Resized` reports that);
- it holds for some values: it becomes a constraint of the module, which narrows the ranges;
- it holds for none: `Conflict`.

The knowledge lies in layers, each a class of its own: ranges and proofs (`known.py`), symbols derived from
others (`derived.py`), constraints that narrow (`narrowing.py`), determined symbols (`determining.py`). The
requirements of ops come on top, here.
"""

from __future__ import annotations

from dataclasses import replace

from .. import constraints
from ..affine import Dim, symbol
from ..affine_traversal import evaluate, linear_symbol, symbols
from ..constraints import Constraint, Need
from ..location import UNKNOWN, Location
from ..module import Module
from .counted import DependsOnData
from .determining import DeterminedSizes
from .equations import solved, without_common_factors
from .inequalities import factors_of, peeled
from .outcomes import Resized


class Sizes(DeterminedSizes):
    """Decides what ops require of the sizes of MODULE.

    `assumes`: sizes that meet in a broadcast are assumed to be equal if they are computed from the same
    symbols, though one might be 1; `assumed`: whether that was used.
    """

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        self.assumes = True
        self.assumed = False

    def require(self, need: Need, location: Location = UNKNOWN) -> None:
        """Decide the constraint NEED of an op at LOCATION. Raises Conflict or Resized."""
        if need.relation == "==":
            self.require_equal(need.left, need.right, need.why, location)
        elif need.relation == ">=":
            self.require_at_least(need.left, need.right, need.why, location)
        else:
            self._require_stretch(need, location)

    def _require_stretch(self, need: Need, location: Location) -> None:
        if 1 not in (need.left, need.right) and not self._covers(need.right, need.left):
            if not (self._may_be_one(need.left) or self._may_be_one(need.right)):
                self.require_equal(need.left, need.right, need.why, location)
            elif self.sign(need.left - need.right) != 0:
                self._constrain(Constraint(need.left, "broadcasts", need.right, need.why, location))

    def require_at_least(self, left: Dim, right: Dim, why: str, location: Location = UNKNOWN) -> None:
        """Decide LEFT >= RIGHT. Raises Conflict, or Resized if derived symbols become certain by it."""
        dim = left - right
        if self.proves(dim) or self._assumes(dim):
            return
        if self.counted.within(dim):
            self._require_of_counts(dim, why, location)
            return
        if self._excludes(dim):
            text = f"it requires that {why}, but {left} is less than {right}"
            raise self._conflict(text, constraints.at_least(dim))
        factors = factors_of(dim)
        if len(factors) > 1 and all(map(self.proves, factors)):
            for factor in factors:
                self.require_at_least(factor, 1, why, location)
        else:
            self._constrain(constraints.at_least(peeled(dim), why, location))

    def _require_of_counts(self, dim: Dim, why: str, location: Location) -> None:
        """Decide DIM >= 0 for all values of the counts in it. Raises DependsOnData if it fails for some."""
        if self.counted.covers(dim):
            return
        for end in self.counted.ends(dim):
            usual = evaluate(end, self.module.values_at("optimum"))
            if self._excludes(end) or (usual < 0 and not self.counted.within(end)):
                raise DependsOnData(f"it requires that {why}, and whether {dim} >= 0 depends on data")
            self.require_at_least(end, 0, why, location)

    def require_equal(self, left: Dim, right: Dim, why: str, location: Location = UNKNOWN) -> None:
        """Decide LEFT == RIGHT. Raises Conflict, or Resized if it determines a symbol."""
        dim = left - right
        if dim == 0 or (self.proves(dim) and self.proves(-1 * dim)):
            return
        if self.counted.within(dim):
            raise DependsOnData(f"it requires that {why}, and whether {left} is {right} depends on data")
        if self._excludes(dim) or self._excludes(-1 * dim):
            text = f"it requires that {why}, but {left} and {right} differ"
            raise self._conflict(text, constraints.equal(dim))
        self._settle_stretched(left, right)
        reduced = without_common_factors(dim, self._counters() | self._told_in(dim))
        found = solved(reduced, self.module, self.defaults, self._anonymous)
        if found is not None:
            self._determine(found, why, location)
        self._constrain(constraints.equal(reduced, why, location))

    def _counters(self) -> set[str]:
        """Symbols that may be 0 while the size that they count is not: n0 of N = 3*n0+1."""
        found = (linear_symbol(each.dim) for each in self.module.determined.values())
        return {name for name, _, offset in filter(None, found) if offset}

    def state_equal(self, left: Dim, right: Dim, why: str, location: Location = UNKNOWN) -> None:
        """Keep the constraint LEFT == RIGHT although it is proved, so that one bounds the other
        (`most.py`)."""
        if left != right:
            self._constrain(constraints.equal(left - right, why, location))

    def _told_in(self, dim: Dim) -> set[str]:
        """Symbols of DIM that are computed from the contents of inputs: for these a value of 0 is meant
        literally."""
        return {name for name in symbols(dim) if self.told(symbol(name))} if self.module.contents else set()

    def _settle_stretched(self, left: Dim, right: Dim) -> None:
        """Resolve a broadcast whose result must equal one operand: the other is equal to it or 1."""
        for size, wanted in ((left, right), (right, left)):
            name = str(size)
            definition = self.module.derived.get(name)
            if definition is None or definition.function != "broadcast" or wanted not in definition.operands:
                continue
            (other,) = (each for each in definition.operands if each != wanted)
            self.module.constraints = [
                replace(each, left=other, relation="stretches", right=wanted)
                if each.relation == "broadcasts" and {each.left, each.right} == {wanted, other}
                else each
                for each in self.module.constraints
            ]
            del self.module.derived[name], self.module.symbols[name]
            raise Resized(self.replace({name: wanted}))

    def require_broadcast(self, left: Dim, right: Dim, why: str, location: Location = UNKNOWN) -> Dim:
        """The size that LEFT and RIGHT broadcast to. Sizes that the model does not distinguish are made
        equal."""
        for whole, part in ((left, right), (right, left)):
            if part == 1 or self._covers(whole, part) or self._says(part, "stretches", whole):
                return whole
        if not self._stretch(left, right):
            self.require_equal(left, right, why, location)
            return left
        self._constrain(Constraint(left, "broadcasts", right, why, location))
        return self.derive("broadcast", left, right)

    def _stretch(self, left: Dim, right: Dim) -> bool:
        """Whether LEFT and RIGHT are different sizes, one of which may be 1 and broadcast to the other.

        The content of an input is meant literally: 1 is a size of 1. Otherwise a number determines the size
        that it meets, unless the range given for that says that it usually is 1, and so does any size for an
        unnamed one; sizes computed from the same symbols are taken to be equal if they can be. A clamped size
        (by min, say) broadcasts if only values can tell whether it is 1.
        """
        if not (self._may_be_one(left) or self._may_be_one(right)):
            return False
        if not self.assumes or self.told(left) or self.told(right) or not self._meant_equal(left, right):
            return True
        self.assumed = True
        return False

    def _meant_equal(self, left: Dim, right: Dim) -> bool:
        if isinstance(left, int) or isinstance(right, int):
            return not (self._differ(left, right) or self._usually_one(left) or self._usually_one(right))
        named = self._origins(left), self._origins(right)
        if any(map(self._anonymous, named[0] | named[1])):
            return not self._differ(left, right)
        if not named[0] & named[1] or self._differ(left, right):
            return False
        cut = (symbols(left) | symbols(right)) & self.module.derived.keys()
        return not cut or not self._values.stretch(left, right)

    def _usually_one(self, dim: Dim) -> bool:
        """Whether explicit ranges, not the default ones, say that DIM is usually 1."""
        named = symbols(dim)
        if not named or named & self.defaults:
            return False
        return evaluate(dim, self.module.values_at("optimum")) == 1

    def _differ(self, left: Dim, right: Dim) -> bool:
        """Whether LEFT and RIGHT are equal for no values, except where they are 0."""
        dim = left - right
        return self._excludes(dim) or self._excludes(-1 * dim) or self._values.never_equal(left, right)

    def _constrain(self, constraint: Constraint) -> None:
        """Add CONSTRAINT. Raises Resized if derived symbols become certain by it."""
        if self.counted.within(constraint.left) or self.counted.within(constraint.right):
            raise DependsOnData(f"it requires that {constraint.why}, and {constraint} depends on data")
        self._add(constraint)
        settled = self._settle_derived()
        if settled:
            raise Resized(settled)
