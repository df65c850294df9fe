"""Decides all constraints between sizes.

Every constraint that an op needs (one size at least another, two equal) is passed to `Sizes`, which tries in
this order: it holds for all values of the symbols, and nothing is to be done; it determines a symbol, which
is replaced everywhere (`Resized` reports that); it holds for some values, and becomes a constraint of the
module, which narrows the ranges; it holds for none, which raises `Conflict`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from .. import constraints
from ..affine import Dim, evaluate, linear_symbol, symbol, symbols
from ..bounds import Range, bounds
from ..constraints import (
    Constraint,
    Derived,
    Determined,
    Need,
    Relation,
    broadcast_of,
    chosen_by,
    is_trivial,
    is_weaker,
    negated,
)
from ..ir import Module, SymbolRange
from ..location import UNKNOWN, Location
from . import substitution
from .counted import Counted, DependsOnData
from .equations import Solution, solved, without_common_factors
from .inequalities import alone, factors_of, peeled
from .proofs import Proofs
from .values import closure

ROUNDS = 4  # of constraint propagation, in which ranges narrow one another
LARGEST = 2**31 - 1


Snapshot = tuple[dict[str, SymbolRange], dict[str, Derived], list[Constraint]]


class Conflict(Exception):
    """A constraint holds for no values of the symbols. `ranges`: other ranges might allow it."""

    def __init__(self, message: str, ranges: bool = False) -> None:
        super().__init__(message)
        self.ranges = ranges


class GivesWay(Exception):
    """The default range of the symbol NAME excludes what is needed: it has to be extended to LEAST.

    Everything that was decided with the old range is void.
    """

    def __init__(self, name: str, least: int) -> None:
        super().__init__(f"{name} reaches {least}")
        self.name = name
        self.least = least


class Resized(Exception):
    """Symbols were replaced in the module: whatever was computed from sizes before is out of date."""

    def __init__(self, values: Mapping[str, Dim]) -> None:
        super().__init__(", ".join(f"{name} = {dim}" for name, dim in values.items()))
        self.values = values


class Sizes:
    """What is known about the sizes of MODULE.

    `defaults` names the symbols with a default range, which is extended where it allows no value.
    `unnamed`: symbols made for sizes without a name in the model. `counted`: those that data decides.
    `assumes`: sizes that meet in a broadcast are assumed to be equal if they are computed from the same
    symbols, though one might be 1; `assumed`: whether that was used.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.defaults: set[str] = set()
        self.unnamed: set[str] = set()
        self.counted = Counted(module, self.derive)
        self._roots: dict[str, tuple[str, int, int]] = {}
        self.assumes = True
        self.assumed = False
        self._proofs = Proofs(module)
        self._values = self._proofs.values
        self._assumed: list[Dim] = []

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        return self.module.ranges

    def snapshot(self) -> Snapshot:
        """The present knowledge, for `restore`. It becomes invalid when `Resized` is raised."""
        module = self.module
        return dict(module.symbols), dict(module.derived), list(module.constraints)

    def restore(self, known: Snapshot) -> None:
        """Forget what was found since the snapshot KNOWN."""
        module = self.module
        if (module.symbols, module.derived, module.constraints) != known:
            module.symbols, module.derived, module.constraints = known
            self._proofs.forget()

    # ------------------------------------------------------------ questions

    def proves(self, dim: Dim) -> bool:
        """Whether DIM >= 0 for all values that ranges and constraints allow."""
        return self._proofs.proves(dim)

    def sign(self, dim: Dim) -> int | None:
        """-1, 0 or 1 if DIM is negative, zero or positive for all values; else None."""
        return self._proofs.sign(dim)

    @contextmanager
    def assuming(self, dims: Sequence[Dim]) -> Iterator[None]:
        """A context for what runs only where DIMS are not negative, as the iterations of a loop do."""
        self._assumed += dims
        try:
            yield
        finally:
            del self._assumed[len(self._assumed) - len(dims) :]

    def _assumes(self, dim: Dim) -> bool:
        """Whether DIM >= 0 wherever the op that needs it runs."""
        return any(self.proves(dim - each) for each in self._assumed)

    # ------------------------------------------------------------ needs

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
        """Decide LEFT >= RIGHT. Raises Conflict, or Resized if a range is left with a single value."""
        dim = left - right
        if self.proves(dim) or self._assumes(dim):
            return
        if self.counted.within(dim):
            self._require_of_counts(dim, why, location)
            return
        if self._excludes(dim):
            text = f"it needs that {why}, but {left} is less than {right}"
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
                raise DependsOnData(f"it needs that {why}, and whether {dim} >= 0 depends on data")
            self.require_at_least(end, 0, why, location)

    def require_equal(self, left: Dim, right: Dim, why: str, location: Location = UNKNOWN) -> None:
        """Decide LEFT == RIGHT. Raises Conflict, or Resized if it determines a symbol."""
        dim = left - right
        if dim == 0 or (self.proves(dim) and self.proves(-1 * dim)):
            return
        if self.counted.within(dim):
            raise DependsOnData(f"it needs that {why}, and whether {left} is {right} depends on data")
        if self._excludes(dim) or self._excludes(-1 * dim):
            text = f"it needs that {why}, but {left} and {right} differ"
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
        """Keep that LEFT == RIGHT though it can be proved, so that one bounds the other (`most.py`)."""
        if left != right:
            self._constrain(constraints.equal(left - right, why, location))

    def _told_in(self, dim: Dim) -> set[str]:
        """Symbols of DIM that are computed from what inputs hold: where one is 0, that is meant."""
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
        """Whether LEFT and RIGHT are different sizes, of which one may be 1 and broadcast to the other.

        What an input holds means what it says: 1 is a size of 1. Else a number determines the size that
        it meets, and so does any size for an unnamed one; sizes computed from the same symbols are meant to
        be equal, if they can be. A clamped size (by min, say) broadcasts if only values can tell whether it
        is 1.
        """
        if not (self._may_be_one(left) or self._may_be_one(right)):
            return False
        if not self.assumes or self.told(left) or self.told(right) or not self._meant_equal(left, right):
            return True
        self.assumed = True
        return False

    def _meant_equal(self, left: Dim, right: Dim) -> bool:
        if isinstance(left, int) or isinstance(right, int):
            return not self._differ(left, right)
        named = self._origins(left), self._origins(right)
        if any(map(self._anonymous, named[0] | named[1])):
            return not self._differ(left, right)
        if not named[0] & named[1] or self._differ(left, right):
            return False
        cut = (symbols(left) | symbols(right)) & self.module.derived.keys()
        return not cut or not self._values.stretch(left, right)

    def _differ(self, left: Dim, right: Dim) -> bool:
        """Whether LEFT and RIGHT are equal for no values, except where they are 0."""
        dim = left - right
        return self._excludes(dim) or self._excludes(-1 * dim) or self._values.never_equal(left, right)

    def _origins(self, dim: Dim) -> set[str]:
        """The free symbols that DIM is computed from."""
        return closure(symbols(dim), self.module) - self.module.derived.keys()

    def told(self, dim: Dim) -> bool:
        """Whether DIM is computed from what an input holds."""
        return bool(self.module.contents) and not self.module.held.isdisjoint(self._origins(dim))

    def _may_be_one(self, dim: Dim) -> bool:
        low, high = bounds(dim, self.ranges)
        return (low is None or low <= 1) and (high is None or high >= 1)

    def _says(self, left: Dim, relation: Relation, right: Dim) -> bool:
        """Whether some constraint is LEFT RELATION RIGHT."""
        found = (left, relation, right)
        return any(found == (c.left, c.relation, c.right) for c in self.module.constraints)

    def _covers(self, whole: Dim, part: Dim) -> bool:
        """Whether WHOLE is the broadcast of PART with other sizes."""
        definition = self.module.derived.get(str(whole))
        return definition is not None and definition.function == "broadcast" and part in definition.operands

    def _excludes(self, dim: Dim) -> bool:
        """Whether DIM >= 0 holds for no values. A default range excludes no large sizes."""
        ranges: dict[str, Range] = dict(self.ranges)
        ranges |= {name: (ranges[name][0], LARGEST) for name in self.defaults & ranges.keys()}
        return self._proofs.bounded(-1 - dim, ranges)

    def _conflict(self, text: str, constraint: Constraint) -> Conflict:
        """The Conflict with TEXT and the ranges of CONSTRAINT's symbols; decides whether these are the
        reason."""
        ranges = self.ranges
        named = sorted(constraint.symbols & ranges.keys())
        texts = [f"{name} in {ranges[name][0]}..{ranges[name][1]}" for name in named]
        dim = constraint.left - constraint.right
        never = [-1 - dim, dim - 1] if constraint.relation == "==" else [-1 - dim]
        by_ranges = not any(self._proofs.bounded(each, {}) for each in never)
        return Conflict(f"{text} for {', '.join(texts)}" if texts else text, ranges=by_ranges)

    # ------------------------------------------------------------ derived symbols

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
        """A new symbol for a number that data decides, from LEAST to BOUND."""
        name = self.fresh("n")
        most = bounds(bound, self.ranges)[1]
        if most is None:
            raise Conflict(f"{bound}, which bounds what depends on data, has no bound itself")
        usual = evaluate(bound, self.module.values_at("optimum"))
        low = max(bounds(least, self.ranges)[0] or 0, 0)
        self.module.symbols[name] = SymbolRange(low, min(max(usual, low), most), most)
        self.counted.bounds[name], self.counted.least[name] = bound, least
        return symbol(name)

    def fresh(self, prefix: str) -> str:
        """A name that no symbol of the module has or had."""
        taken = self.module.symbols.keys() | self.module.determined.keys()
        return next(name for k in range(len(taken) + 1) if (name := f"{prefix}{k}") not in taken)

    # ------------------------------------------------------------ constraints

    def _constrain(self, constraint: Constraint) -> None:
        """Add CONSTRAINT. Raises Resized if derived symbols become certain by it."""
        if self.counted.within(constraint.left) or self.counted.within(constraint.right):
            raise DependsOnData(f"it needs that {constraint.why}, and {constraint} depends on data")
        self._add(constraint)
        settled = self._settle_derived()
        if settled:
            raise Resized(settled)

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
        self._check_possible()

    def _check_possible(self) -> None:
        """Raise Conflict if the constraints allow no sizes."""
        excluded = self._values.excluded()
        if excluded is not None:
            text = f"it needs that {excluded.why}, but {excluded} holds for no sizes"
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
            raise self._gives_way(name, low)
        if (low, high) == (old.minimum, old.maximum):
            return False
        self.module.symbols[name] = SymbolRange(low, min(max(old.optimum, low), high), high)
        self._values.narrowed({name})
        return True

    # ------------------------------------------------------------ determined symbols

    def _determine(self, found: Solution, why: str, location: Location) -> None:
        """Replace the symbol that was FOUND everywhere. Raises Resized."""
        old = self.module.symbols[found.name]
        dim = found.dim
        if found.step is not None:
            name = self.fresh("D" if self._anonymous(found.name) else _stem(found.name))
            span = _stepped(old, found.step, found.start)
            if found.name in self.defaults and (span is None or span.maximum < 1):
                raise self._gives_way(found.name, found.step + found.start)
            if span is None:
                text = f"it needs that {why}, but no {found.name} in its range is {found.dim_text}"
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
        self._check_possible()
        raise Resized(values)

    def _fit_range(self, name: str, dim: Dim, old: SymbolRange, why: str, location: Location) -> None:
        """Transfer the range of NAME to DIM, which replaces it."""
        if isinstance(dim, int):
            if name in self.defaults and old.maximum < dim <= LARGEST:
                raise self._gives_way(name, dim)
            if not old.minimum <= dim <= old.maximum:
                span = f"{old.minimum}..{old.maximum}"
                text = f"it needs that {why}, but {name} is {dim} then, outside its range {span}"
                raise Conflict(text, ranges=name not in self.defaults)
            return
        ends = [dim - old.minimum] if name in self.defaults else [dim - old.minimum, old.maximum - dim]
        for end in ends:
            if not self.proves(end):
                self._add(constraints.at_least(peeled(end), f"{name} stays in its range", location))

    def _gives_way(self, name: str, value: int) -> GivesWay:
        """The error that the default range of NAME has to be extended to VALUE."""
        root, factor, offset = self._roots.get(name, (name, 1, 0))
        return GivesWay(root, factor * value + offset)

    def _anonymous(self, name: str) -> bool:
        """Whether NAME stands for an unnamed size, by the importer or by an exporter (unk__5)."""
        return name in self.unnamed or name in self.module.derived or name.startswith("unk__")

    def replace(self, values: Mapping[str, Dim]) -> dict[str, Dim]:
        """Replace symbols in the module, its constraints and definitions. Returns all that were replaced:
        derived symbols may have become certain."""
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


def _outside(name: str, range: SymbolRange, constraint: Constraint) -> str:
    span = f"{range.minimum}..{range.maximum}"
    return f"it needs that {constraint.why}, but {constraint} holds for no {name} in its range {span}"


def _stepped(old: SymbolRange, step: int, start: int) -> SymbolRange | None:
    """The range of k if STEP * k + START has the range OLD; None if it is empty."""
    low, high = max(0, -((start - old.minimum) // step)), (old.maximum - start) // step
    if low > high:
        return None
    usual = max((old.optimum - start) // step, min(old.optimum, 1))  # tune for no empty tensors
    return SymbolRange(low, min(max(usual, low), high), high)


def _renamed(
    table: Mapping[str, SymbolRange], old: str, new: str, span: SymbolRange
) -> dict[str, SymbolRange]:
    """TABLE with OLD replaced by NEW at the same position."""
    return {(new if name == old else name): (span if name == old else r) for name, r in table.items()}
