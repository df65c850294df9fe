"""Symbol values from the shapes and contents of inputs, and the constraints between them.

Input sizes and numbers in inputs determine a plan's free symbols; derived symbols are computed from them;
constraints are checked before anything is launched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ..errors import PlanError
from .expressions import Expression, clip, evaluate, symbols_of
from .manifest_fields import Fields

RELATIONS = ("==", ">=", "broadcasts", "stretches")


@dataclass(frozen=True)
class ConstraintSpec:
    """The constraint LEFT RELATION RIGHT, which the ONNX nodes require: `text` shows it, `why` gives the
    reason."""

    left: Expression
    relation: str
    right: Expression
    text: str
    why: str
    nodes: tuple[str, ...]

    @property
    def symbols(self) -> set[str]:
        """The symbols in the constraint."""
        return symbols_of(self.left) | symbols_of(self.right)

    def holds(self, symbols: Mapping[str, int]) -> bool:
        """Whether the constraint holds for these values."""
        left, right = evaluate(self.left, symbols), evaluate(self.right, symbols)
        if self.relation == ">=":
            return left >= right
        stretched = (left == 1, right == 1) if self.relation == "broadcasts" else (left == 1,)
        return left == right or (self.relation != "==" and any(stretched))

    def broken(self, symbols: Mapping[str, int]) -> str:
        """The error message for values that violate the constraint."""
        named = sorted(self.symbols)
        values = ", ".join(f"{clip(name).strip(chr(39))} = {symbols[name]}" for name in named)
        return f"{values}, but {clip(self.text)[1:-1]} is needed{said_of(self.nodes)}: {self.why}"


@dataclass(frozen=True)
class DeterminedSpec:
    """A model symbol that always has one size: `text` shows `size`; `why` and the nodes give the reason."""

    size: Expression
    text: str
    why: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class SizeSpec:
    """A plan's contents of inputs by name, derived symbols in order of computation, constraints and
    determined symbols."""

    contents: Mapping[str, tuple[Expression, ...]]
    derived: Mapping[str, Expression]
    determined: Mapping[str, DeterminedSpec]
    constraints: tuple[ConstraintSpec, ...]

    def complete(self, free: Mapping[str, int]) -> dict[str, int]:
        """The values of all symbols: FREE ones as given, derived ones computed."""
        values = dict(free)
        for name, expression in self.derived.items():
            values[name] = evaluate(expression, values)
        return values

    def broken_where_defined(self, free: Mapping[str, int]) -> str | None:
        """As `broken`, if a derived symbol is divided by 0 for these values of the FREE symbols.

        Only constraints whose symbols have values are checked.
        """
        values = dict(free)
        for name, expression in self.derived.items():
            with suppress(PlanError):
                values[name] = evaluate(expression, values)
        told = [each for each in self.constraints if each.symbols <= values.keys()]
        return next((each.broken(values) for each in told if not each.holds(values)), None)

    def broken(self, symbols: Mapping[str, int]) -> str | None:
        """The error message for the first violated constraint; None if all hold."""
        return next((each.broken(symbols) for each in self.constraints if not each.holds(symbols)), None)

    def determining(self, size: Expression) -> tuple[str, DeterminedSpec] | None:
        """The model symbol that is determined to be SIZE, with the reason; None if there is none."""
        found = ((name, each) for name, each in self.determined.items() if each.size == size)
        return next(found, None)


@dataclass(frozen=True)
class SizeBinding:
    """A symbol's value is (size - offset) / factor, where size is that of one input along one axis.

    With `held` it is number `axis` in the input's content instead.
    """

    symbol: str
    input: int
    axis: int
    factor: int
    offset: int
    held: bool = False


def bindings(
    shapes: Mapping[str, Sequence[Expression]], contents: Mapping[str, Sequence[Expression]]
) -> list[SizeBinding]:
    """How the SHAPES of inputs by name, and their CONTENTS, determine symbols; a symbol's first occurrence
    counts."""
    found: dict[str, SizeBinding] = {}
    for table, held in ((shapes, False), (contents, True)):
        for name, sizes in table.items():
            for axis, size in enumerate(sizes):
                linear = _linear(size)
                if linear is not None:
                    symbol, factor, offset = linear
                    place = SizeBinding(symbol, list(shapes).index(name), axis, factor, offset, held)
                    found.setdefault(symbol, place)
    return list(found.values())


def _linear(size: Expression) -> tuple[str, int, int] | None:
    """(symbol, factor, offset) if SIZE is factor * symbol + offset, else None."""
    rest, offset = _pair(size, "+") or (size, 0)
    if isinstance(rest, str):
        return rest, 1, offset
    name, factor = _pair(rest, "*") or (None, 0)
    return (name, factor, offset) if isinstance(name, str) and factor > 0 else None


def _pair(size: Expression, operator: str) -> tuple[Expression, int] | None:
    """The operands if SIZE applies OPERATOR to an expression and a number, else None."""
    if isinstance(size, (int, str)) or len(size) != 3 or size[0] != operator:
        return None
    return (size[1], size[2]) if isinstance(size[2], int) else None


def said_of(nodes: Sequence[str]) -> str:
    """` by the node 'a'` for an error message; empty if no node is known."""
    return f" by the node {clip(nodes[0])}" if nodes else ""


def parse_sizes(fields: Fields) -> SizeSpec:
    """Parse the manifest's sizes. Raises `PlanError`, naming the wrong field."""
    derived = {
        name: Fields({name: each}, "derived").expression(name) for name, each in _table(fields, "derived")
    }
    determined = {name: _determined(name, each) for name, each in _table(fields, "determined")}
    contents = {
        name: Fields({name: each}, "contents").expressions(name) for name, each in _table(fields, "contents")
    }
    constraints = (
        Fields(each, f"constraints[{index}]") for index, each in enumerate(fields.array("constraints", []))
    )
    return SizeSpec(
        contents, _in_order(derived), determined, tuple(_constraint(each) for each in constraints)
    )


def _in_order(derived: Mapping[str, Expression]) -> dict[str, Expression]:
    """The definitions DERIVED in order of dependency: a plan file has them in order of names.

    Cyclic definitions keep their order, in which the plan's checks refuse them.
    """
    uses = {name: symbols_of(each) & derived.keys() for name, each in derived.items()}
    try:
        return {name: derived[name] for name in TopologicalSorter(uses).static_order()}
    except CycleError:
        return dict(derived)


def _table(fields: Fields, key: str) -> list[tuple[str, object]]:
    return list(fields.named(key)) if key in fields.values else []


def _determined(name: str, value: object) -> DeterminedSpec:
    fields = Fields(value, f"determined {clip(name)}")
    return DeterminedSpec(
        fields.expression("size"), fields.text("text"), fields.text("why"), fields.texts("nodes")
    )


def _constraint(fields: Fields) -> ConstraintSpec:
    relation = fields.text("relation")
    if relation not in RELATIONS:
        raise PlanError(f"the plan's {fields.where} has the relation {clip(relation)}")
    return ConstraintSpec(
        fields.expression("left"),
        relation,
        fields.expression("right"),
        fields.text("text"),
        fields.text("why"),
        fields.texts("nodes"),
    )
