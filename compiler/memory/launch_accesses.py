"""The buffers of a launch module, and which launch accesses which of their elements, read off its IR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Function, Value
from ...dialects.core.types import TensorType
from ...dialects.launch import Buffer, Kernel, View
from .footprint import Footprint, footprint


@dataclass(frozen=True, eq=False)
class Access:
    """An access of launch number `launch` to a buffer, through its operand `value`.

    shape: the elements that it touches; None when there are none.
    """

    launch: int
    kernel: Kernel
    value: Value
    shape: Footprint | None


@dataclass(eq=False)
class Memory:
    """A buffer, an input or a weight, with all accesses to it, in launch order."""

    value: Value
    writes: list[Access] = field(default_factory=list)
    reads: list[Access] = field(default_factory=list)
    scratch: list[Access] = field(default_factory=list)

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


def memories_of(function: Function) -> dict[Value, Memory]:
    """Every buffer of FUNCTION with its accesses, the inputs first."""
    memories = {value: Memory(value) for value in function.arguments}
    shapes: dict[Value, Footprint | None] = {}
    launch = 0
    for op in function.block:
        if isinstance(op, Buffer):
            memories[op.result] = Memory(op.result)
        elif isinstance(op, Kernel):
            _note(op, launch, memories, shapes)
            launch += 1
    return memories


def _note(
    kernel: Kernel, launch: int, memories: dict[Value, Memory], shapes: dict[Value, Footprint | None]
) -> None:
    reads, writes = len(kernel.reads), len(kernel.writes)
    for index, value in enumerate(kernel.inputs):
        root, start = root_of(value)
        if value not in shapes:
            shapes[value] = footprint(value.type, start)
        memory = memories[root]
        kinds = (memory.reads, memory.writes, memory.scratch)
        kinds[(index >= reads) + (index >= reads + writes)].append(
            Access(launch, kernel, value, shapes[value])
        )


def root_of(value: Value) -> tuple[Value, Dim]:
    """The buffer that VALUE is a view of, and the element at which the view starts."""
    start: Dim = 0
    while isinstance(value.producer, View):
        start = start + value.producer.offset
        value = value.producer.x
    return value, start
