"""Builds the regions of control flow: blocks beside the function's body, which are isolated when done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from ...dialects.control import ITERATION, ControlYield, If, Loop
from ...dialects.core.affine import Dim
from ...dialects.core.clone import clone_op
from ...dialects.core.dtypes import BOOL
from ...dialects.core.ir import Block, Operation, Region, Value
from ...dialects.core.types import TensorType
from ...dialects.graph.constants import Constant, Dims
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.slicing import Slice
from .builder import Builder
from .problems import Malformed, Refused
from .tensor import Tensor


@contextmanager
def region(builder: Builder, arguments: Sequence[TensorType] = ()) -> Iterator[Block]:
    """A context in which BUILDER appends to a new block with ARGUMENTS; nothing is left of it after an
    error."""
    block = Block(arguments)
    try:
        with builder.within(block):
            yield block
    except BaseException:
        discard(block)
        raise


def discard(block: Block) -> None:
    """Drop what the ops of BLOCK read, so that it can be forgotten."""
    for op in block:
        for inner in op.walk():
            inner.drop_operands()


def isolated(blocks: Sequence[Block]) -> list[Value]:
    """Make BLOCKS read nothing but their own arguments. Returns the values from outside that they read: for
    each, every block has a new argument. What is known when compiling is copied instead."""
    captured: dict[Value, list[Value]] = {}
    for block in blocks:
        copies: dict[Value, Value] = {}
        own = {*block.arguments, *(value for op in block for value in op.results)}
        for op in list(block):
            for index, value in enumerate(op.operands):
                if value is None or value in own:
                    continue
                if isinstance(value.producer, (Constant, Dims)):
                    op.set_operand(index, _copied(value.producer, block, copies))
                    continue
                if value not in captured:
                    captured[value] = [each.add_argument(value.type, value.hint) for each in blocks]
                op.set_operand(index, captured[value][blocks.index(block)])
    return list(captured)


def _copied(constant: Constant | Dims, block: Block, copies: dict[Value, Value]) -> Value:
    if constant.result not in copies:
        copies[constant.result] = block.insert_before(block.first, clone_op(constant, {})).result
    return copies[constant.result]


# ---------------------------------------------------------------- branches


def branch(
    builder: Builder, condition: Tensor, bodies: Sequence[Callable[[], Sequence[Tensor]]]
) -> list[Tensor]:
    """The results of a `control.if` on CONDITION, a scalar: what the first or the second of BODIES gives.

    Raises Refused if the two give different shapes.
    """
    then: Sequence[Tensor] = ()
    blocks: list[Block] = []
    with ExitStack() as undone:
        for body in bodies:
            with region(builder) as block:
                undone.callback(discard, block)
                outputs = body()
                then = then if blocks else outputs
                pairs = enumerate(zip(outputs, then, strict=True))
                kept = [unchanged(builder, one, other.type, f"output {at}") for at, (one, other) in pairs]
                block.append(ControlYield(*kept))
            blocks.append(block)
        undone.pop_all()
    captures = isolated(blocks)
    regions = [Region(block) for block in blocks]
    return _placed(builder, If(builder.value(condition), *captures, regions=regions, loc=builder.location))


# ---------------------------------------------------------------- loops


class Step(NamedTuple):
    """What an iteration gives: what is carried to the next one, an element of every scan output, and whether
    there is a next one; None where nothing but the trip count ends the loop."""

    carried: Sequence[Tensor]
    elements: Sequence[Tensor] = ()
    more: Tensor | None = None


Count = Dim | Tensor | None
"""The most iterations of a loop: a size, a scalar on the device, or no limit."""


def loop(
    builder: Builder,
    count: Count,
    condition: Tensor | None,
    initial: Sequence[Tensor],
    body: Callable[[Tensor, list[Tensor]], Step],
) -> list[Tensor]:
    """The results of a `control.loop` of at most COUNT iterations, whose first one needs the CONDITION: what
    is carried, beginning as INITIAL, and the stacked elements.

    BODY is called once, with the iteration and what is carried. Raises Refused if a carried value changes its
    shape, or if only data says how many elements there are.
    """
    values = [builder.value(tensor) for tensor in initial]
    with region(builder, [ITERATION, *(value.type for value in values)]) as block:
        iteration, *carried = map(Tensor.of, block.arguments)
        step = body(iteration, carried)
        count, more = _settled(builder, count, condition, step.more)
        conditional = condition is not None or more is not None
        if step.elements and (conditional or isinstance(count, Tensor)):
            raise Refused("how many elements its scan outputs have depends on data")
        first = [_truth(builder, more)] if conditional else []
        pairs = enumerate(zip(step.carried, values, strict=True))
        kept = [unchanged(builder, one, other.type, f"carried value {at}") for at, (one, other) in pairs]
        block.append(ControlYield(*first, *kept, *map(builder.value, step.elements)))
    captures = isolated([block])
    trip, size = (builder.value(count), None) if isinstance(count, Tensor) else (None, count)
    going = _truth(builder, condition) if conditional else None
    regions, place = [Region(block)], builder.location
    operands = (trip, going, *values, *captures)
    op = Loop(*operands, regions=regions, loc=place, carried=len(values), count=size)
    return _placed(builder, op)


def _settled(
    builder: Builder, count: Count, condition: Tensor | None, more: Tensor | None
) -> tuple[Count, Tensor | None]:
    """The limit and the condition of a loop; without a condition where that is certain."""
    if more is None or more.data is None:
        endless = more is None and count is None
        settled: tuple[Count, Tensor | None] = (count, more)
    elif bool(more.data):
        endless, settled = count is None, (count, None)
    else:
        endless = False
        if isinstance(count, Tensor):
            settled = count, more
        else:
            settled = 1 if count is None else builder.sizes_known.derive("min", count, 1), None
    if endless:
        raise Malformed("nothing ends this loop")
    return settled


def _truth(builder: Builder, condition: Tensor | None) -> Value:
    return builder.value(builder.constant(True, BOOL) if condition is None else condition)


def unchanged(builder: Builder, tensor: Tensor, wanted: TensorType, what: str) -> Value:
    """TENSOR as a value of the type WANTED, however its sizes are written.

    Raises Malformed for another element type and Refused for another shape, about WHAT.
    """
    have = tensor.type
    if have.dtype != wanted.dtype:
        raise Malformed(f"its {what} is {have.dtype} where it is {wanted.dtype}")
    pairs = zip(have.shape, wanted.shape, strict=False)
    if have.rank != wanted.rank or any(builder.sizes_known.sign(a - b) != 0 for a, b in pairs):
        text = f"its {what} is {have} where it is {wanted}"
        raise Refused(f"{text}; shapes that depend on data are not supported")
    same = have.shape == wanted.shape
    return builder.value(tensor if same else builder.emit(Reshape, tensor, shape=wanted.shape))


def reversed_steps(builder: Builder, x: Tensor) -> Tensor:
    """X with its elements along axis 0, one per iteration of a loop, in reverse."""
    starts: list[Dim] = [x.shape[0] - 1] + [0] * (x.rank - 1)
    steps = [-1] + [1] * (x.rank - 1)
    return builder.emit(Slice, x, starts=starts, sizes=x.shape, steps=steps)


def _placed(builder: Builder, op: Operation) -> list[Tensor]:
    builder.block.append(op)
    return [Tensor.of(value) for value in op.results]
