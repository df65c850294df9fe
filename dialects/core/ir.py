"""The IR's data structures: values with their uses, operations, blocks, regions, functions, modules.

Every level is made of these. The operations of a block form a doubly linked list, so that passes insert
and erase in constant time; every value knows its uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ...runtime.cuts import Cut
from .affine import Dim, symbols
from .attributes import AttributeError_
from .constraints import Constraint, Derived, Determined, Need
from .diagnostics import op_error
from .location import UNKNOWN, Location
from .remarks import Remark
from .resources import ResourceTable
from .types import TensorType

if TYPE_CHECKING:
    from .interpreter import Evaluation
    from .op import OpSpec


@dataclass
class Edits:
    """The number of edits to modules of this process. If it has not changed, no module has."""

    count: int = 0


EDITS = Edits()


class Value:
    """What an operation reads: a result of another operation, or a block argument.

    `hint` is its preferred name in IR text; `tensor` the name of its ONNX tensor, empty if there is none,
    which is not printed.
    """

    __slots__ = ("hint", "index", "owner", "tensor", "type", "uses")

    def __init__(self, type: TensorType, owner: Operation | Block, index: int, hint: str = "") -> None:
        self.type = type
        self.owner = owner
        self.index = index
        self.hint = hint
        self.tensor = ""
        self.uses: dict[tuple[Operation, int], None] = {}

    @property
    def producer(self) -> Operation | None:
        """The operation whose result this is; None for a block argument."""
        return self.owner if isinstance(self.owner, Operation) else None

    @property
    def block(self) -> Block | None:
        """The block that it is an argument of, or that the operation stands in that makes it."""
        return self.owner.parent if isinstance(self.owner, Operation) else self.owner

    @property
    def users(self) -> list[Operation]:
        """The operations that read this value, each once, in order of use."""
        return list(dict.fromkeys(op for op, _ in self.uses))

    def replace_by(self, other: Value) -> None:
        """Replace all uses of this value by OTHER."""
        for op, index in list(self.uses):
            op.set_operand(index, other)


class Operation:
    """One operation. Concrete ops declare fields (see `op.py`); everything generic is derived from these.

    `operands` holds None for an optional operand that is absent.
    """

    name: ClassVar[str]
    spec: ClassVar[OpSpec]
    terminator: ClassVar[str] = "core.yield"  # the op that ends its regions

    def __init__(
        self,
        *operands: Value | None,
        types: Sequence[TensorType] | None = None,
        regions: Sequence[Region] = (),
        loc: Location = UNKNOWN,
        **attributes: Any,
    ) -> None:
        self.location = loc
        self.parent: Block | None = None
        self.previous: Operation | None = None
        self.next: Operation | None = None
        self._operands: list[Value | None] = []
        self.results: tuple[Value, ...] = ()
        self.regions = tuple(regions)
        for region in self.regions:
            region.parent = self
        for operand in operands:
            self._append_operand(operand)
        self.attributes = self._decoded(attributes)
        self.spec.check_operands(self)
        chosen = tuple(types) if types is not None else tuple(self.infer())
        self.results = tuple(Value(t, self, i) for i, t in enumerate(chosen))

    def _decoded(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self.spec.decode_attributes(raw)
        except AttributeError_ as error:
            raise op_error(self, str(error), error.hint, at=error.at) from None

    # ------------------------------------------------------------ meaning, given by each op

    def infer(self) -> Sequence[TensorType]:
        """The result types implied by operands and attributes. Raises IRError if these do not fit."""
        raise op_error(self, "its result types cannot be inferred and must be given")

    def needs(self) -> Iterable[Need]:
        """The constraints on sizes that the op needs, beyond those of `infer` and of the generic rules."""
        return ()

    def repeats(self) -> Iterable[Dim]:
        """Sizes that are not negative wherever the regions run: one less than the iterations of a loop."""
        return ()

    def verify(self) -> None:
        """Check rules beyond the generic ones. Raises IRError."""

    def verify_regions(self) -> None:
        """Check rules about what its regions, already verified, compute. Raises IRError."""

    def evaluate(self, evaluation: Evaluation, *inputs: Any) -> Any:
        """The results as numpy arrays: the op's meaning, independent of any kernel."""
        raise op_error(self, "has no evaluation of its own")

    def flops(self) -> Dim:
        """Floating-point operations per execution; data movement counts as 0."""
        return 0

    # ------------------------------------------------------------ operands

    @property
    def operands(self) -> tuple[Value | None, ...]:
        return tuple(self._operands)

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The operands that are present."""
        return tuple([value for value in self._operands if value is not None])

    @property
    def result(self) -> Value:
        """The only result, or the first."""
        return self.results[0]

    def _append_operand(self, value: Value | None) -> None:
        self._operands.append(value)
        if value is not None:
            value.uses[(self, len(self._operands) - 1)] = None

    def set_operand(self, index: int, value: Value | None) -> None:
        EDITS.count += 1
        old = self._operands[index]
        if old is not None:
            old.uses.pop((self, index), None)
        self._operands[index] = value
        if value is not None:
            value.uses[(self, index)] = None

    def drop_operands(self) -> None:
        for index in range(len(self._operands)):
            self.set_operand(index, None)

    # ------------------------------------------------------------ structure

    @property
    def holder(self) -> Operation | None:
        """The operation whose region contains this one; None directly in a function, or if detached."""
        region = self.parent.parent if self.parent is not None else None
        return region.parent if region is not None and isinstance(region.parent, Operation) else None

    @property
    def module(self) -> Module | None:
        """The module that contains this operation; None if detached."""
        op: Operation | None = self
        while op is not None:
            block = op.parent
            region = block.parent if block is not None else None
            if region is None:
                return None
            if isinstance(region.parent, Function):
                return region.parent.module
            op = region.parent
        return None

    def walk(self) -> Iterator[Operation]:
        """This operation and all nested ones, in pre-order."""
        pending: list[Operation] = [self]
        while pending:
            op = pending.pop()
            yield op
            if op.regions:
                inner = [inner_op for region in op.regions for block in region.blocks for inner_op in block]
                pending.extend(reversed(inner))

    def erase(self) -> None:
        """Remove this operation and everything inside it. Raises IRError if a result is still used."""
        for value in self.results:
            if value.uses:
                raise op_error(self, "cannot be erased while its results are used")
        for op in list(self.walk()):
            op.drop_operands()
        if self.parent is not None:
            self.parent.unlink(self)

    def replace_by(self, *values: Value) -> None:
        """Replace all uses of the results by VALUES, and erase this operation."""
        for old, new in zip(self.results, values, strict=True):
            if not new.hint:
                new.hint = old.hint
            if not new.tensor:
                new.tensor = old.tensor
            old.replace_by(new)
        self.erase()


class Block:
    """A list of operations, with arguments; the last operation is the terminator."""

    def __init__(self, argument_types: Iterable[TensorType] = ()) -> None:
        self.parent: Region | None = None
        self.arguments: list[Value] = []
        self.first: Operation | None = None
        self.last: Operation | None = None
        for type in argument_types:
            self.add_argument(type)

    def add_argument(self, type: TensorType, hint: str = "") -> Value:
        EDITS.count += 1
        value = Value(type, self, len(self.arguments), hint)
        self.arguments.append(value)
        return value

    def __iter__(self) -> Iterator[Operation]:
        op = self.first
        while op is not None:
            following = op.next
            yield op
            op = following

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def append(self, op: Operation) -> Operation:
        return self.insert_before(None, op)

    def insert_before(self, anchor: Operation | None, op: Operation) -> Operation:
        """Insert OP before ANCHOR; at the end if ANCHOR is None."""
        EDITS.count += 1
        op.parent = self
        op.next = anchor
        op.previous = self.last if anchor is None else anchor.previous
        if op.previous is None:
            self.first = op
        else:
            op.previous.next = op
        if anchor is None:
            self.last = op
        else:
            anchor.previous = op
        return op

    def unlink(self, op: Operation) -> None:
        EDITS.count += 1
        if op.previous is None:
            self.first = op.next
        else:
            op.previous.next = op.next
        if op.next is None:
            self.last = op.previous
        else:
            op.next.previous = op.previous
        op.parent = op.previous = op.next = None

    @property
    def terminator(self) -> Operation:
        if self.last is None:
            raise ValueError("an empty block has no terminator")
        return self.last


class Region:
    """The blocks of an operation or a function."""

    def __init__(self, *blocks: Block) -> None:
        self.parent: Operation | Function | None = None
        self.blocks: list[Block] = list(blocks)
        for block in blocks:
            block.parent = self

    @property
    def block(self) -> Block:
        """The only block."""
        return self.blocks[0]


class Function:
    """A named function: the arguments are the inputs, the operands of its terminator `core.return` the
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


@dataclass
class Module:
    """A whole program at one level: functions, symbols and weights.

    symbols: the range of each; contents: the numbers that inputs hold, by name, where sizes depend on them;
    defaults: the weights that inputs hold, by name, where a run leaves them out;
    derived: the definitions of those that no input determines; determined: the expressions that symbols of
    the model were found to equal; constraints: what must hold between sizes; cuts: the axes of outputs whose
    sizes depend on data; remarks: decisions taken while it was built, which are not printed.
    """

    name: str = "module"
    functions: list[Function] = field(default_factory=list)
    symbols: dict[str, SymbolRange] = field(default_factory=dict)
    contents: dict[str, tuple[Dim, ...]] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    derived: dict[str, Derived] = field(default_factory=dict)
    determined: dict[str, Determined] = field(default_factory=dict)
    constraints: list[Constraint] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    resources: ResourceTable = field(default_factory=ResourceTable)
    remarks: list[Remark] = field(default_factory=list)

    def add(self, function: Function) -> Function:
        function.module = self
        self.functions.append(function)
        return function

    def emptied(self) -> Module:
        """A module without functions but with this one's name, symbols, constraints and weights."""
        return Module(
            self.name,
            symbols=dict(self.symbols),
            contents=dict(self.contents),
            defaults=dict(self.defaults),
            derived=dict(self.derived),
            determined=dict(self.determined),
            constraints=list(self.constraints),
            cuts=list(self.cuts),
            resources=self.resources,
            remarks=list(self.remarks),
        )

    @property
    def main(self) -> Function:
        return self.functions[0]

    @property
    def held(self) -> set[str]:
        """The symbols in the contents of inputs: numbers that callers give, which may be negative."""
        return {name for dims in self.contents.values() for dim in dims for name in symbols(dim)}

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        return {name: (r.minimum, r.maximum) for name, r in self.symbols.items()}

    def values_at(self, which: str) -> dict[str, int]:
        """The value of every symbol at WHICH end of its range: 'minimum', 'optimum' or 'maximum'."""
        values = {name: int(getattr(r, which)) for name, r in self.symbols.items()}
        for name, definition in self.derived.items():
            with suppress(ZeroDivisionError):  # undefined there: the end of its own range is used instead
                values[name] = definition.value(values)
        return values

    def walk(self) -> Iterator[Operation]:
        for function in self.functions:
            yield from function.walk()
