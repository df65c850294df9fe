"""Operations, and the structures that they form: values with their uses, blocks, regions.

Every level is made of these. The operations of a block form a doubly linked list, so that passes insert and
erase in constant time; every value knows its uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from .affine import Dim
from .attributes import AttributeError_
from .constraints import Need
from .diagnostics import op_error
from .location import UNKNOWN, Location
from .types import TensorType

if TYPE_CHECKING:
    from .interpreter import Evaluation
    from .module import Function, Module
    from .op import OpSpec


@dataclass
class Edits:
    """The number of edits to modules in this process. While it is unchanged, so is every module."""

    count: int = 0


EDITS = Edits()


class Value:
    """An operand: a result of an operation, or a block argument.

    `hint` is its preferred name in IR text; `tensor` the name of its ONNX tensor, empty without one, which is
    not printed.
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
        """The operation that produces this value; None for a block argument."""
        return self.owner if isinstance(self.owner, Operation) else None

    @property
    def block(self) -> Block | None:
        """The block that defines this value, as an argument or by an operation in it."""
        return self.owner.parent if isinstance(self.owner, Operation) else self.owner

    @property
    def users(self) -> list[Operation]:
        """The operations that read this value (its consumers), each once, in order of use."""
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
        """The constraints on sizes that the op requires, in addition to those of `infer` and the generic
        rules."""
        return ()

    def repeats(self) -> Iterable[Dim]:
        """Sizes that are non-negative wherever the regions run: the iterations of a loop less one."""
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
        """The operation whose region directly contains this one; None directly in a function, or if
        detached."""
        region = self.parent.parent if self.parent is not None else None
        return region.parent if region is not None and isinstance(region.parent, Operation) else None

    @property
    def module(self) -> Module | None:
        """The module that contains this operation; None if detached."""
        op = self
        while op.parent is not None and op.parent.parent is not None:
            owner = op.parent.parent.parent
            if not isinstance(owner, Operation):
                return owner.module if owner is not None else None
            op = owner
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
