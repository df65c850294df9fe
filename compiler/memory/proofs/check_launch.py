"""check-launch: proves on launch-level IR that memory is used correctly.

For all values of the symbols: accesses are within their buffers; every element is written before it is
read, by a launch that has ended; no element is written twice; buffers that share arena bytes have disjoint
live ranges; scratch belongs to one launch; and every output is one buffer that is written completely. All of
this holds whichever branches run, and however often loops do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ....dialects.core.affine import Dim
from ....dialects.core.diagnostics import op_error, operand_at
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function, Module
from ....dialects.core.parts import AttributeAt, ResultAt
from ....dialects.core.types import ROW_MAJOR
from ....dialects.launch_control import LaunchControl
from ....dialects.launch_memory import Buffer, View, span
from ....errors import IRError
from ...passes.manager import PassContext
from ..launch_accesses import Memory, memories_of, root_of
from ..launch_tree import LaunchTree
from .arena import check_alignment, check_arena
from .contents import check_contents
from .control import check_control
from .happens_before import HappensBefore
from .symbol_values import SymbolValues, described


class CheckLaunch:
    """The proof as a pass. It changes nothing, and raises IRError for the first fault."""

    name: ClassVar[str] = "check-launch"

    def run(self, module: Module, context: PassContext) -> Module:
        check_launch(module)
        return module


def check_launch(module: Module) -> None:
    """Check a launch-level MODULE. Raises IRError, with the op's location, for the first fault."""
    for error in faults(module):
        raise error


def faults(module: Module) -> Iterator[IRError]:
    """All faults of MODULE, those of single operations first. Linear in launches, up to sorting."""
    function = module.main
    values = SymbolValues(module)
    wrong = False
    for error in _of_single_ops(module, function, values):
        wrong = True
        yield error
    if wrong:
        return  # an access outside its buffer would be reported again, as faults of other ops
    tree = LaunchTree(function)
    memories = memories_of(function, tree)
    try:
        order = HappensBefore(tree)
    except IRError as error:
        yield error
        return
    yield from _scratch(memories)
    yield from _outputs(function, memories, values)
    yield from check_arena(list(memories.values()), tree, order, values)
    yield from check_control(memories, tree, values)
    for memory in memories.values():
        yield from check_contents(memory, tree, order, values)


# ---------------------------------------------------------------- one operation at a time


def _of_single_ops(module: Module, function: Function, values: SymbolValues) -> Iterator[IRError]:
    for op in _ops_in(function.block):
        try:
            op.verify()
            op.verify_regions()
        except IRError as error:
            yield error
            continue
        if isinstance(op, Buffer):
            yield from _buffer(module, op, values)
        elif isinstance(op, View):
            yield from _view(op, values)


def _ops_in(block: Block) -> Iterator[Operation]:
    """The ops of BLOCK without its terminator; of control ops, also those of their regions."""
    for op in block:
        if op.next is not None:
            yield op
        for region in op.regions if isinstance(op, LaunchControl) else ():
            yield from _ops_in(region.block)


def _buffer(module: Module, op: Buffer, values: SymbolValues) -> Iterator[IRError]:
    type = op.result.type
    if not type.layout.is_dense:
        yield op_error(
            op, f"holds {type}, which is not dense", "use launch.view for strided parts", at=ResultAt(0)
        )
        return
    found = values.exceeding(type.bytes, op.bytes)
    if found is not None:
        yield op_error(
            op, f"has {op.bytes} bytes, too few for {type}{described(found)}", at=AttributeAt("bytes")
        )
    yield from check_alignment(Memory(op.result))
    if op.space == "weights" and op.weight in module.resources:
        array = module.resources[op.weight]
        if array.shape != type.shape or array.dtype != type.dtype.numpy:
            yield op_error(
                op,
                f"declares the weight @{op.weight}, {array.dtype}{list(array.shape)}, as {type}",
                at=AttributeAt("weight"),
            )


def _view(op: View, values: SymbolValues) -> Iterator[IRError]:
    type, whole = op.result.type, op.x.type.elements
    start, end = op.offset + _lowest(op.result), op.offset + _highest(op.result)
    before = values.exceeding(0, start, type.elements)
    after = values.exceeding(end, whole, type.elements)
    if before is not None:
        yield op_error(
            op, f"{type} starts before the tensor that it is a view of{described(before)}", at=ResultAt(0)
        )
    elif after is not None:
        yield op_error(
            op, f"{type} reaches element {end} of a tensor of {whole}{described(after)}", at=ResultAt(0)
        )


def _lowest(value: Value) -> Dim:
    """The lowest element of VALUE in memory, relative to the start of its view."""
    low = value.type.layout.offset
    for size, stride in zip(value.type.shape, value.type.strides, strict=True):
        if isinstance(stride, int) and stride < 0:
            low = low + (size - 1) * stride
    return low


def _highest(value: Value) -> Dim:
    """One past the highest element of VALUE in memory, relative to the start of its view."""
    high = span(value.type)
    for size, stride in zip(value.type.shape, value.type.strides, strict=True):
        if isinstance(stride, int) and stride < 0:
            high = high - (size - 1) * stride
    return high


# ---------------------------------------------------------------- scratch and outputs


def _scratch(memories: dict[Value, Memory]) -> Iterator[IRError]:
    for memory in memories.values():
        for access in memory.scratch:
            if memory.space not in ("arena", "counters") or access.value is not memory.value:
                yield op_error(
                    access.kernel,
                    "has scratch memory that is not a buffer of its own",
                    at=operand_at(access.kernel, access.value),
                )
        users = list(memory.accesses())
        kind = "counters" if memory.space == "counters" else "workspace"
        if memory.scratch and len(users) > 1:
            first, second = sorted(users, key=lambda access: access.launch)[:2]
            text = f"shares its {kind} with launch {first.launch} (@{first.kernel.kernel})"
            yield op_error(second.kernel, text, "every launch needs scratch memory of its own")
        elif memory.space == "counters" and (memory.reads or memory.writes):
            yield op_error(users[0].kernel, "uses counters as a tensor")


def _outputs(function: Function, memories: dict[Value, Memory], values: SymbolValues) -> Iterator[IRError]:
    end = function.block.terminator
    owners: dict[Value, str] = {}
    for name, value in zip(function.outputs, function.returned, strict=True):
        root, start = root_of(value)
        space = memories[root].space
        if space != "output" and not (space == "input" and memories[root].writes):
            yield op_error(
                end,
                f"returns '{name}' from the space '{space}'",
                "copy it to an output buffer",
                at=operand_at(end, value),
            )
        elif root in owners:
            yield op_error(
                end, f"returns one buffer as both '{owners[root]}' and '{name}'", at=operand_at(end, value)
            )
        elif not values.equal(start, 0) or not _is_whole(value, root, values):
            yield op_error(
                end,
                f"returns '{name}' as part of a buffer or not in row-major order",
                at=operand_at(end, value),
            )
        owners[root] = name
    for memory in memories.values():
        if memory.space == "output" and memory.value not in owners:
            yield op_error(_op(memory), "is an output buffer that is not returned")


def _op(memory: Memory) -> Operation:
    assert memory.op is not None
    return memory.op


def _is_whole(value: Value, root: Value, values: SymbolValues) -> bool:
    """True when VALUE is a view of all of ROOT in row-major order."""
    plain = value.type.with_layout(ROW_MAJOR)
    if not values.equal(value.type.elements, root.type.elements) or value.type.layout.offset != 0:
        return False
    triples = zip(value.type.shape, value.type.strides, plain.strides, strict=True)
    return all(size == 1 or values.equal(own, want) for size, own, want in triples)
