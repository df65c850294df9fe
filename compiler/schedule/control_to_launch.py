"""precision → launch for control flow: regions become lists of launches, values buffers.

  control.if      both regions write the buffers of the results
  control.loop    a carried value has one buffer, to which the initial value is copied before the loop

A launch of a loop's body writes the next value of a carried value to that buffer, if all reads of the present
one come before; otherwise the next value has a buffer of its own, and is copied at the end of the iteration.
The elements of a scan output are copied to its rows. If the loop may end before all rows are written, they
begin as zeros, and the loop carries the buffer.

Region arguments are the buffers of the passed values. A region's own ops produce the values that it yields,
so that a copy never reads elements that another copy has overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from ...dialects.control import ITERATION, ControlOp, If, Loop
from ...dialects.core.builtin import Yield
from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Block, Operation, Region, Value
from ...dialects.core.location import Location
from ...dialects.core.types import TensorType
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.launch_control import LaunchIf, LaunchLoop
from ...dialects.launch_memory import View
from ...dialects.precision import PrecisionKernel
from ..memory.views.view_plan import base_of, with_reshapes


class Lowering(Protocol):
    """The interface of the enclosing lowering to control ops."""

    def inside(self) -> AbstractContextManager[Block]:
        """A context in which launches are appended to a new block, which it returns."""

    def convert(self, op: Operation) -> None:
        """Append the launches of OP."""

    def buffer(self, value: Value) -> Value:
        """The buffer of VALUE, created on first use, or a view."""

    def place(self, value: Value, buffer: Value) -> None:
        """Assign BUFFER to VALUE."""

    def is_placed(self, value: Value) -> bool:
        """Whether VALUE has a buffer."""

    def new_buffer(self, type: TensorType, space: str) -> Value:
        """A new buffer."""

    def new_view(self, buffer: Value, type: TensorType) -> Value:
        """All of BUFFER as a TYPE."""

    def copy(self, source: Value, target: Value, location: Location) -> None:
        """Append a launch that copies the buffer SOURCE to TARGET."""

    def copy_to_row(self, source: Value, row: Value, target: Value, location: Location) -> None:
        """Append a launch that copies the buffer SOURCE to the row of TARGET whose number is in ROW."""

    def fill(self, target: Value, location: Location) -> None:
        """Append a launch that writes zeros to TARGET."""

    def append(self, op: Operation) -> Operation:
        """Append a control op."""


def convert_control(op: ControlOp, to: Lowering) -> None:
    """Append the launches of OP through the lowering TO."""
    if isinstance(op, If):
        _convert_if(op, to)
    elif isinstance(op, Loop):
        _convert_loop(op, to)
    else:
        raise op_error(op, "cannot be launched")


def _convert_if(op: If, to: Lowering) -> None:
    condition = to.buffer(op.condition)
    targets = [to.buffer(value) for value in op.results]
    regions = []
    for region in op.regions:
        block = region.block
        with to.inside() as launches:
            _pass(block.arguments, op.captures, to)
            yielded = block.terminator.inputs
            _convert_body(block, dict(zip(yielded, targets, strict=True)), op.location, to)
        regions.append(Region(_ended(launches)))
    to.append(LaunchIf(condition, regions=regions, loc=op.location))


def _convert_loop(op: Loop, to: Lowering) -> None:
    block = op.body.block
    counter = to.new_buffer(ITERATION, "arena")
    to.place(op.iteration, counter)
    trips = None if op.trip is None else to.buffer(op.trip)
    again: dict[Value, Value] = {}  # by yielded value: the buffer that each iteration overwrites
    condition = _begun(op.condition, op, to) if op.condition is not None else None
    if condition is not None and op.yielded_condition is not None:
        again[op.yielded_condition] = condition
    carried = []
    arguments = block.arguments[1 : 1 + op.carried]
    for initial, argument, value, result in zip(
        op.initial, arguments, op.yielded[: op.carried], op.results[: op.carried], strict=True
    ):
        storage = _begun(initial, op, to)
        to.place(argument, storage)
        to.place(result, storage)
        again[value] = storage
        carried.append(storage)
    stacks = [to.buffer(value) for value in op.results[op.carried :]]
    if op.may_end:
        for stack in stacks:
            to.fill(stack, op.location)
        carried += stacks
    with to.inside() as launches:
        _pass(block.arguments[1 + op.carried :], op.captures, to)
        _convert_body(block, again, op.location, to)
        for element, stack in zip(op.yielded[op.carried :], stacks, strict=True):
            to.copy_to_row(to.buffer(element), counter, stack, op.location)
    regions = [Region(_ended(launches))]
    loop = LaunchLoop(counter, trips, condition, *carried, bound=op.count, regions=regions, loc=op.location)
    to.append(loop)


def _begun(initial: Value, op: Loop, to: Lowering) -> Value:
    """A buffer that holds INITIAL before the first iteration of OP, and may be overwritten."""
    storage = to.new_buffer(initial.type, "arena")
    to.copy(to.buffer(initial), storage, op.location)
    return storage


def _pass(arguments: Sequence[Value], passed: Sequence[Value], to: Lowering) -> None:
    """Let the ARGUMENTS of a region be the buffers of the values PASSED."""
    for argument, value in zip(arguments, passed, strict=True):
        to.place(argument, to.buffer(value))


def _convert_body(block: Block, targets: Mapping[Value, Value], location: Location, to: Lowering) -> None:
    """Append the launches of BLOCK; afterwards every yielded value is in its buffer of TARGETS."""
    copied = {}
    for value, target in targets.items():
        if _can_be_written(value, target, block, to):
            base = base_of(value)
            to.place(base, target if base is value else to.new_view(target, base.type))
        else:
            copied[value] = target
    for op in block:
        if op.next is not None:
            to.convert(op)
    for value, target in copied.items():
        to.copy(to.buffer(value), target, location)


def _can_be_written(value: Value, target: Value, block: Block, to: Lowering) -> bool:
    """Whether the op of BLOCK that produces VALUE can write it to TARGET, which may hold arguments."""
    base = base_of(value)
    maker = base.producer
    if to.is_placed(base) or not isinstance(maker, (PrecisionKernel, If)) or maker.parent is not block:
        return False
    steps = {op: step for step, op in enumerate(block)}
    lying = [argument for argument in block.arguments if _shows(argument, target, to)]
    readers = [user for each in lying for shown in with_reshapes(each) for user in shown.users]
    return all(steps[user] < steps[maker] for user in readers if not isinstance(user, Reshape))


def _shows(argument: Value, target: Value, to: Lowering) -> bool:
    return to.is_placed(argument) and _root(to.buffer(argument)) is _root(target)


def _root(buffer: Value) -> Value:
    while isinstance(buffer.producer, View):
        buffer = buffer.producer.x
    return buffer


def _ended(block: Block) -> Block:
    """BLOCK with a terminator appended."""
    block.append(Yield())
    return block
