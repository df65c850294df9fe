"""Functions and modules: a whole program at one level, with its symbols and weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ...runtime.cuts import Cut
from .affine import Dim
from .affine_traversal import symbols
from .constraints import Constraint, Derived, Determined
from .ir import Block, Operation, Region, Value
from .location import UNKNOWN
from .remarks import FoldedNode, Remark
from .resources import ResourceTable


class Function:
    """A named function: its arguments are the inputs, the operands of its terminator `core.return` the
    outputs."""

    def __init__(self, name: str, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> None:
        self.name = name
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.module: Module | None = None
        self.location = UNKNOWN
        self.body = Region(Block())
        self.body.parent = self

    @property
    def block(self) -> Block:
        return self.body.block

    @property
    def arguments(self) -> list[Value]:
        return self.block.arguments

    @property
    def returned(self) -> tuple[Value, ...]:
        return self.block.terminator.inputs

    def walk(self) -> Iterator[Operation]:
        for op in self.block:
            yield from op.walk()


@dataclass(frozen=True, slots=True)
class SymbolRange:
    """The sizes that a symbol may take: minimum, the optimum to tune for, maximum."""

    minimum: int
    optimum: int
    maximum: int


@dataclass(frozen=True)
class Unpadded:
    """Batches without padding: the `mask` that says which tokens are there, and by name the `outputs` that
    have zeros for padding, each with its axes of sequences and tokens, or the one axis of both."""

    mask: str
    outputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass
class Module:
    """A whole program at one level: functions, symbols and weights.

    symbols: the range of each; contents: the contents of inputs that sizes depend on, by name; defaults: the
    weights that inputs hold if a run leaves them out, by name; unranked: by output the input of any rank
    whose shape it has (`runtime/unranked.py`); unpadded: what a batch without padding is
    (`runtime/unpadded.py`); derived: the definitions of symbols that no
    input determines; determined: the expressions that symbols of the model always equal; constraints:
    relations between sizes that must hold; cuts: the axes of outputs with data-dependent sizes; remarks:
    decisions taken while it was built, and folded: the nodes that left no op; both are not printed.
    """

    name: str = "module"
    functions: list[Function] = field(default_factory=list)
    symbols: dict[str, SymbolRange] = field(default_factory=dict)
    contents: dict[str, tuple[Dim, ...]] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    unranked: dict[str, str] = field(default_factory=dict)
    derived: dict[str, Derived] = field(default_factory=dict)
    determined: dict[str, Determined] = field(default_factory=dict)
    constraints: list[Constraint] = field(default_factory=list)
    unpadded: Unpadded | None = None
    cuts: list[Cut] = field(default_factory=list)
    resources: ResourceTable = field(default_factory=ResourceTable)
    remarks: list[Remark] = field(default_factory=list)
    folded: list[FoldedNode] = field(default_factory=list)

    def add(self, function: Function) -> Function:
        function.module = self
        self.functions.append(function)
        return function

    def emptied(self) -> Module:
        """A module without functions, with this one's name, symbols, constraints and weights."""
        return Module(
            self.name,
            symbols=dict(self.symbols),
            contents=dict(self.contents),
            defaults=dict(self.defaults),
            unranked=dict(self.unranked),
            derived=dict(self.derived),
            determined=dict(self.determined),
            constraints=list(self.constraints),
            unpadded=self.unpadded,
            cuts=list(self.cuts),
            resources=self.resources,
            remarks=list(self.remarks),
            folded=list(self.folded),
        )

    @property
    def main(self) -> Function:
        return self.functions[0]

    @property
    def mask(self) -> str | None:
        """The input that says which tokens are there, of a batch without padding."""
        return None if self.unpadded is None else self.unpadded.mask

    @property
    def held(self) -> set[str]:
        """The symbols in the contents of inputs: numbers from callers, which may be negative."""
        return {name for dims in self.contents.values() for dim in dims for name in symbols(dim)}

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        return {name: (r.minimum, r.maximum) for name, r in self.symbols.items()}

    def values_at(self, which: str) -> dict[str, int]:
        """The value of every symbol at WHICH end of its range: 'minimum', 'optimum' or 'maximum'."""
        values = {name: int(getattr(r, which)) for name, r in self.symbols.items()}
        for name, definition in self.derived.items():
            with suppress(ZeroDivisionError):  # undefined at these values: the end of its own range is used
                values[name] = definition.value(values)
        return values

    def walk(self) -> Iterator[Operation]:
        for function in self.functions:
            yield from function.walk()
