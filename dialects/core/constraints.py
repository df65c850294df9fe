"""A module's statements about its symbols in addition to their ranges.

A *constraint* between sizes must hold when the module runs. A symbol may be *derived*: computed from others,
such as min(N, 10). A symbol that the model named may be *determined*: it always equals an expression of
others (K = 8, H = 4*h), and occurs nowhere else in the module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import gcd
from typing import Literal, NamedTuple

from .affine import Affine, Dim, floordiv, total
from .affine_traversal import evaluate, substitute, symbols
from .location import UNKNOWN, Location
from .parts import Part

Relation = Literal["==", ">=", "broadcasts", "stretches"]
RELATIONS: tuple[Relation, ...] = ("==", ">=", "broadcasts", "stretches")


@dataclass(frozen=True, slots=True)
class Constraint:
    """The constraint LEFT RELATION RIGHT, which some op requires: `why` is the reason, `location` the op's.

    "broadcasts" holds if the two are equal or one of them is 1 (numpy's rule), "stretches" if they are equal
    or LEFT is 1.
    """

    left: Dim
    relation: Relation
    right: Dim
    why: str = ""
    location: Location = UNKNOWN

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether it holds under VALUES, which must contain every symbol. Divisions by 0 raise
        ZeroDivisionError."""
        left, right = evaluate(self.left, values), evaluate(self.right, values)
        if self.relation == ">=":
            return left >= right
        return left == right or (self.relation != "==" and 1 in self._ones(left, right))

    def _ones(self, left: int, right: int) -> tuple[int, ...]:
        """The sizes that may be 1 instead of being equal."""
        return (left,) if self.relation == "stretches" else (left, right)

    @property
    def symbols(self) -> set[str]:
        """The symbols in it."""
        return symbols(self.left) | symbols(self.right)

    def __str__(self) -> str:
        return f"{self.left} {self.relation} {self.right}"


class Need(NamedTuple):
    """A constraint that an op requires, LEFT RELATION RIGHT, with the reason and the part at fault."""

    left: Dim
    right: Dim
    why: str
    relation: Relation = ">="
    at: Part | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """The definition of a derived symbol: FUNCTION applied to OPERANDS.

    min and max; broadcast(a, b): b where a is 1, else a; select(c, a, b): a where c >= 0, else b.
    """

    function: str
    operands: tuple[Dim, ...]

    def value(self, values: Mapping[str, int]) -> int:
        """Its value under VALUES, which must contain every symbol of its operands."""
        return apply(self.function, tuple(evaluate(operand, values) for operand in self.operands))

    @property
    def symbols(self) -> set[str]:
        """The symbols of its operands."""
        return {name for operand in self.operands for name in symbols(operand)}

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.operands))})"


ARITIES = {"min": 2, "max": 2, "broadcast": 2, "select": 3}


def apply(function: str, numbers: tuple[int, ...]) -> int:
    """FUNCTION, one of ARITIES, applied to NUMBERS."""
    if function == "min":
        return min(numbers)
    if function == "max":
        return max(numbers)
    if function == "broadcast":
        return numbers[1] if numbers[0] == 1 else numbers[0]
    return numbers[1] if numbers[0] >= 0 else numbers[2]


@dataclass(frozen=True, slots=True)
class Determined:
    """The expression that a symbol of the model was determined to equal, and why."""

    dim: Dim
    why: str = ""
    location: Location = UNKNOWN


def at_least(dim: Dim, why: str = "", location: Location = UNKNOWN) -> Constraint:
    """The constraint DIM >= 0, with positive terms on either side: H >= 7; 4*h >= 2 is h >= 1."""
    left, right = _sides(_divided(dim))
    return Constraint(left, ">=", right, why, location)


def equal(dim: Dim, why: str = "", location: Location = UNKNOWN) -> Constraint:
    """The constraint DIM == 0, with positive terms on either side: T == 2*floordiv(T, 2)."""
    left, right = _sides(dim)
    return Constraint(left, "==", right, why, location)


def _divided(dim: Dim) -> Dim:
    """DIM divided by its terms' common factor, rounded down; it is at least 0 exactly where DIM is."""
    factors = [value for monomial, value in dim.terms if monomial] if isinstance(dim, Affine) else [1]
    return floordiv(dim, gcd(*factors))


def _sides(dim: Dim) -> tuple[Dim, Dim]:
    if isinstance(dim, int):
        return max(dim, 0), max(-dim, 0)
    single = [Affine(((monomial, value),)) if monomial else value for monomial, value in dim.terms]
    signs = [value > 0 for _, value in dim.terms]
    left = total(term for term, positive in zip(single, signs, strict=True) if positive)
    return left, left - dim


def with_derived(derived: Mapping[str, Derived], values: Mapping[str, int]) -> dict[str, int]:
    """VALUES of the free symbols, extended by those of the DERIVED ones in order."""
    result = dict(values)
    for name, definition in derived.items():
        result[name] = definition.value(result)
    return result


def known_where_defined(derived: Mapping[str, Derived], values: Mapping[str, int]) -> dict[str, int]:
    """As `with_derived`, without the DERIVED symbols that divide by 0 under VALUES."""
    result = dict(values)
    for name, definition in derived.items():
        with suppress(ZeroDivisionError, KeyError):
            result[name] = definition.value(result)
    return result


def broken(constraints: Iterable[Constraint], values: Mapping[str, int]) -> Constraint | None:
    """The first of CONSTRAINTS that does not hold under VALUES; None if all do."""
    return next((each for each in constraints if not each.holds(values)), None)


def substituted(constraint: Constraint, values: Mapping[str, Dim]) -> Constraint:
    """CONSTRAINT with symbols replaced as VALUES says."""
    left, right = substitute(constraint.left, values), substitute(constraint.right, values)
    if constraint.relation not in ("==", ">="):
        return Constraint(left, constraint.relation, right, constraint.why, constraint.location)
    make = equal if constraint.relation == "==" else at_least
    return make(left - right, constraint.why, constraint.location)


def is_weaker(constraint: Constraint, other: Constraint) -> bool:
    """Whether CONSTRAINT is implied by OTHER and weaker: H >= 2 besides H >= 4."""
    if constraint.relation != ">=" or other.relation != ">=":
        return False
    less = (constraint.left - constraint.right) - (other.left - other.right)
    return isinstance(less, int) and less > 0


def is_trivial(constraint: Constraint) -> bool:
    """Whether CONSTRAINT is between numbers, and holds."""
    return not constraint.symbols and constraint.holds({})


def negated(function: str, operands: tuple[Dim, ...]) -> tuple[str, tuple[Dim, ...]]:
    """The function and the operands that give -1 times FUNCTION of OPERANDS."""
    flipped = {"min": "max", "max": "min"}.get(function, function)
    kept, changed = (operands[:1], operands[1:]) if function == "select" else ((), operands)
    return flipped, (*kept, *(operand * -1 for operand in changed))


def broadcast_of(a: Dim, b: Dim) -> Dim | None:
    """The size that A and B broadcast to if that is certain: a number above 1 broadcasts only with itself or
    1."""
    for one, other in ((a, b), (b, a)):
        if one == 1 or one == other or (isinstance(other, int) and other > 1):
            return other
    return None


def chosen_by(function: str, operands: tuple[Dim, ...]) -> tuple[Dim, Dim, Dim]:
    """(condition, chosen, other) of `select`; min and max are choices by a sign, too."""
    if function == "select":
        condition, a, b = operands
        return condition, a, b
    a, b = operands
    return (b - a, a, b) if function == "min" else (a - b, a, b)
