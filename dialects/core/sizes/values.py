"""Proofs by enumeration: all values that a module's symbols may take, if these are few."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

import numpy as np

from ..affine import Affine, Atom, Dim
from ..affine_traversal import symbols
from ..constraints import Constraint
from ..module import Module

MOST = 1 << 14
MOST_VALUE = 1 << 20  # of a symbol in a table
LARGEST = 1 << 62  # bound of numbers computed from a table

Array = np.ndarray[Any, Any]


class Values:
    """The values of MODULE's symbols that satisfy its constraints; tables are cached until they change.

    A table obeys the constraints on its columns. If FINAL, no symbol is replaced any more, and it also obeys
    constraints on values computed from its columns. Otherwise such a constraint may replace a symbol, after
    which it would hold trivially.
    """

    def __init__(self, module: Module, final: bool = False) -> None:
        self._module = module
        self.final = final
        self._tables: dict[frozenset[str], dict[str, Array] | None] = {}
        self._closures: dict[frozenset[str], frozenset[str]] = {}

    def forget(self) -> None:
        """Drop all tables, after symbols were replaced."""
        self._tables.clear()
        self._closures.clear()

    def narrowed(self, named: Set[str]) -> None:
        """Drop the tables of the symbols that NAMED are computed from: their ranges or constraints have
        changed."""
        free = self._free(named)
        self._tables = {key: table for key, table in self._tables.items() if not free <= key}

    def all_at_least_zero(self, dim: Dim) -> bool:
        """Whether DIM >= 0 for all values; False if there are too many to enumerate."""
        numbers = self._numbers(dim)
        return numbers is not None and bool((numbers >= 0).all())

    def negative(self, dim: Dim, elements: Dim) -> dict[str, int] | None:
        """Values with DIM < 0 and ELEMENTS > 0; None if there are none, or too many to enumerate."""
        table = self.table(symbols(dim) | symbols(elements))
        if not table or max(_magnitude(dim, table), _magnitude(elements, table)) > LARGEST:
            return None
        rows = np.flatnonzero((on_table(dim, table) < 0) & (on_table(elements, table) > 0))
        return {name: int(column[rows[0]]) for name, column in table.items()} if len(rows) else None

    def _numbers(self, dim: Dim) -> Array | None:
        """DIM for every value; None if there are too many values, or numbers too large."""
        table = self.table(symbols(dim))
        if table is None or _magnitude(dim, table) > LARGEST:
            return None
        return on_table(dim, table)

    def never_equal(self, a: Dim, b: Dim) -> bool:
        """Whether A == B > 0 for no value; False if there are too many to enumerate."""
        table = self.table(symbols(a) | symbols(b))
        if table is None:
            return False
        left, right = on_table(a, table), on_table(b, table)
        return not bool(((left == right) & (left > 0)).any())

    def stretch(self, a: Dim, b: Dim) -> bool:
        """Whether one of A and B is 1, and the other more, for some value."""
        table = self.table(symbols(a) | symbols(b))
        if table is None:
            return False
        left, right = on_table(a, table), on_table(b, table)
        return bool((np.minimum(left, right) == 1)[left != right].any())

    def column(self, name: str, named: set[str]) -> Array | None:
        """The values of NAME in the table of the symbols NAMED; None if there are too many."""
        table = self.table(named)
        return None if table is None else table.get(name)

    def excluded(self) -> Constraint | None:
        """A constraint that, together with others, excludes all values; None if there is none."""
        given = self._module.constraints
        broken = next((each for each in given if not each.symbols and not each.holds({})), None)
        if broken is not None:  # which leaves no value of any symbol either
            return broken
        for each in given:
            table = self.table(each.symbols) if each.symbols else None
            if table and not len(next(iter(table.values()))):
                return each
        return None

    def table(self, named: Set[str]) -> dict[str, Array] | None:
        """A table with a column per symbol in NAMED and per symbol these are derived from; None if it is too
        large."""
        given = frozenset(named)
        if given not in self._closures:
            self._closures[given] = frozenset(closure(given, self._module))
        key = self._closures[given]
        if key not in self._tables:
            self._tables[key] = self._made(key)
        return self._tables[key]

    def _made(self, names: frozenset[str]) -> dict[str, Array] | None:
        symbols_, derived = self._module.symbols, self._module.derived
        free = [name for name in symbols_ if name in names and name not in derived]
        if names - symbols_.keys():
            return None
        if any(max(abs(symbols_[name].minimum), symbols_[name].maximum) > MOST_VALUE for name in names):
            return None
        count = 1
        for name in free:
            count *= symbols_[name].maximum - symbols_[name].minimum + 1
            if count > MOST:
                return None
        spans = [np.arange(symbols_[name].minimum, symbols_[name].maximum + 1) for name in free]
        grids = np.meshgrid(*spans, indexing="ij") if spans else []
        table = self._with(names, {name: grid.reshape(-1) for name, grid in zip(free, grids, strict=True)})
        return None if table is None else self._filtered(table)

    def _with(self, names: Set[str], table: dict[str, Array]) -> dict[str, Array] | None:
        """TABLE with columns for the derived symbols among NAMES; None if numbers are too large."""
        table = dict(table)
        for name, definition in self._module.derived.items():
            if name in names and name not in table:
                if any(_magnitude(operand, table) > LARGEST for operand in definition.operands):
                    return None
                table[name] = _derived(definition.function, [on_table(d, table) for d in definition.operands])
        return table

    def _free(self, named: Set[str]) -> set[str]:
        """The symbols that NAMED are computed from."""
        return closure(named, self._module) - self._module.derived.keys()

    def _filtered(self, table: dict[str, Array]) -> dict[str, Array]:
        """The rows of TABLE that constraints allow. A constraint on numbers too large is left out: proofs
        stay valid with more values than are allowed."""
        for each in self._module.constraints:
            named = self._free(each.symbols) if self.final else each.symbols
            if not table or not named <= table.keys():
                continue
            known = each.symbols <= table.keys()
            wider = table if known else self._with(closure(each.symbols, self._module), table)
            if wider is not None and max(_magnitude(d, wider) for d in (each.left, each.right)) <= LARGEST:
                kept = _allowed(each, wider)
                table = {name: column[kept] for name, column in table.items()}
        return table


def _allowed(constraint: Constraint, table: dict[str, Array]) -> Array:
    """For every row of TABLE, whether CONSTRAINT holds."""
    left, right = on_table(constraint.left, table), on_table(constraint.right, table)
    kept = left == right if constraint.relation != ">=" else left >= right
    if constraint.relation in ("broadcasts", "stretches"):
        kept = kept | (left == 1)
    if constraint.relation == "broadcasts":
        kept = kept | (right == 1)
    return np.asarray(kept)


def closure(named: Iterable[str], module: Module) -> set[str]:
    """NAMED, and all symbols of MODULE that these are derived from."""
    found: set[str] = set()
    pending = list(named)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += module.derived[name].symbols if name in module.derived else ()
    return found


def _derived(function: str, operands: list[Array]) -> Array:
    if function == "min":
        return np.minimum(*operands)
    if function == "max":
        return np.maximum(*operands)
    if function == "broadcast":
        return np.where(operands[0] == 1, operands[1], operands[0])
    return np.where(operands[0] >= 0, operands[1], operands[2])


def _magnitude(dim: Dim, table: dict[str, Array]) -> int:
    """A bound on the magnitude of DIM, and of all intermediate values, over TABLE."""
    total = 0
    for monomial, factor in dim.terms if isinstance(dim, Affine) else (((), int(dim)),):
        product = abs(factor)
        for atom in monomial:
            product *= max(1, _atom_magnitude(atom, table))
        total += product
    return total


def _atom_magnitude(atom: Atom, table: dict[str, Array]) -> int:
    if isinstance(atom, str):
        return int(np.abs(table[atom]).max(initial=0))
    return max(_magnitude(atom.numerator, table), _magnitude(atom.denominator, table))


def on_table(dim: Dim, table: dict[str, Array]) -> Array:
    """DIM for every row of TABLE."""
    rows = len(next(iter(table.values()))) if table else 1
    result = np.zeros(rows, dtype=np.int64)
    for monomial, factor in dim.terms if isinstance(dim, Affine) else (((), int(dim)),):
        product = np.full(rows, factor, dtype=np.int64)
        for atom in monomial:
            product = product * _atom(atom, table)
        result += product
    return result


def _atom(atom: Atom, table: dict[str, Array]) -> Array:
    if isinstance(atom, str):
        return table[atom]
    # A division by zero has no value, and no size is computed there; 1 replaces the divisor.
    return on_table(atom.numerator, table) // np.maximum(on_table(atom.denominator, table), 1)
