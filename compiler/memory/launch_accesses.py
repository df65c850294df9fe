"""The buffers of a launch module, and which launch accesses which of their elements, read off its IR.

Control ops access buffers, too: they read conditions and trip counts, and write counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Value
from ...dialects.core.module import Function
from ...dialects.core.types import TensorType
from ...dialects.launch import Kernel
from ...dialects.launch_control import LaunchControl, LaunchLoop
from ...dialects.launch_memory import Buffer, View
from .footprint import Footprint, footprint
from .launch_tree import LaunchTree, Scope


@dataclass(frozen=True, eq=False)
class Access:
    """An access of launch number `launch` to a buffer, through its operand `value`.

    shape: the elements that it touches; None if there are none; scope: the list of launches that contains it;
    in_rows: whether it touches only one of these rows, a different one in every iteration of a loop.
    """

    launch: int
    kernel: Kernel
    value: Value
    shape: Footprint | None
    scope: Scope
    in_rows: bool = False


@dataclass(eq=False)
class Memory:
    """A buffer, an input or a weight, with all accesses to it, in launch order."""

    value: Value
    writes: list[Access] = field(default_factory=list)
    reads: list[Access] = field(default_factory=list)
    scratch: list[Access] = field(default_factory=list)
    controls: list[LaunchControl] = field(default_factory=list)

    @property
    def op(self) -> Buffer | None:
        """The buffer's operation; None for an input of the function."""
        producer = self.value.producer
        return producer if isinstance(producer, Buffer) else None

    @property
    def space(self) -> str:
        return self.op.space if self.op is not None else "input"

    @property
    def type(self) -> TensorType:
        return self.value.type

    @property
    def bytes(self) -> Dim:
        return self.op.bytes if self.op is not None else self.value.type.bytes

    def accesses(self) -> Iterator[Access]:
        yield from self.writes
        yield from self.reads
        yield from self.scratch

    def within(self, launches: range) -> Memory:
        """The accesses by LAUNCHES only, which are numbered from 0."""

        def kept(accesses: list[Access]) -> list[Access]:
            inside = (access for access in accesses if access.launch in launches)
            return [replace(access, launch=access.launch - launches.start) for access in inside]

        return Memory(self.value, kept(self.writes), kept(self.reads), kept(self.scratch))

    def held(self, tree: LaunchTree) -> set[int]:
        """The launches of TREE during which the buffer's content is live.

        These are the launches that access it, those before which a control op reads it, and all launches of
        loops that contain only some of these.
        """
        found = {access.launch for access in self.accesses()}
        scopes = [access.scope for access in self.accesses()]
        for op in self.controls:
            extent = tree.extents[op]
            scopes.append(extent.scope)
            found |= {extent.first - 1} - {-1}
            if isinstance(op, LaunchLoop):
                found.update(range(extent.first, extent.end))
        around = [set(scope.loops()) for scope in scopes]
        everywhere = set[LaunchLoop].intersection(*around) if around else set()
        for loop in set[LaunchLoop]().union(*around) - everywhere:
            found.update(range(tree.extents[loop].first, tree.extents[loop].end))
        return found


def memories_of(function: Function, tree: LaunchTree | None = None) -> dict[Value, Memory]:
    """Every buffer of FUNCTION with its accesses, the inputs first; TREE has its launches."""
    tree = LaunchTree(function) if tree is None else tree
    memories = {value: Memory(value) for value in function.arguments}
    memories |= {op.result: Memory(op.result) for op in function.block if isinstance(op, Buffer)}
    shapes: dict[Value, Footprint | None] = {}
    for launch, (kernel, scope) in enumerate(zip(tree.kernels, tree.scopes, strict=True)):
        _note(kernel, launch, scope, memories, shapes)
    for op in tree.extents:
        for value in op.inputs:
            memories[root_of(value)[0]].controls.append(op)
    return memories


def _note(
    kernel: Kernel,
    launch: int,
    scope: Scope,
    memories: dict[Value, Memory],
    shapes: dict[Value, Footprint | None],
) -> None:
    reads, writes = len(kernel.reads), len(kernel.writes)
    for index, value in enumerate(kernel.inputs):
        root, start = root_of(value)
        if value not in shapes:
            shapes[value] = footprint(value.type, start)
        memory = memories[root]
        kinds = (memory.reads, memory.writes, memory.scratch)
        kinds[(index >= reads) + (index >= reads + writes)].append(
            Access(launch, kernel, value, shapes[value], scope, kernel.stacked and index >= reads)
        )


def root_of(value: Value) -> tuple[Value, Dim]:
    """The buffer that VALUE is a view of, and the element at which the view starts."""
    start: Dim = 0
    while isinstance(value.producer, View):
        start = start + value.producer.offset
        value = value.producer.x
    return value, start
