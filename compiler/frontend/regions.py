"""Builds the regions of control flow: blocks beside the function's body, which are isolated when done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ...dialects.control import ControlYield, If
from ...dialects.core.clone import clone_op
from ...dialects.core.ir import Block, Operation, Region, Value
from ...dialects.core.sizes.values import closure
from ...dialects.core.types import TensorType
from ...dialects.graph.constants import Constant, Dims
from ...dialects.graph.movement.reshape import Reshape
from .builder import Builder
from .problems import Malformed, Refused
from .tensor import Tensor


@contextmanager
def region(builder: Builder, arguments: Sequence[TensorType] = ()) -> Iterator[Block]:
    """A context in which BUILDER appends to a new block with ARGUMENTS; nothing is left of it after an
    error. Counts that are computed inside are known there only."""
    block, outside = Block(arguments), set(builder.counts)
    builder.regions.append(block)
    try:
        with builder.within(block):
            yield block
    except BaseException:
        discard(block)
        raise
    finally:
        builder.regions.pop()
        builder.closed |= builder.counts.keys() - outside


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
                check_known_outside(builder, block, kept, "its output")
                block.append(ControlYield(*kept))
            blocks.append(block)
        undone.pop_all()
    captures = isolated(blocks)
    regions = [Region(block) for block in blocks]
    return placed(builder, If(builder.value(condition), *captures, regions=regions, loc=builder.location))


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


def check_known_outside(builder: Builder, block: Block, values: Sequence[Value], what: str) -> None:
    """Raise Refused, about WHAT, if only BLOCK, a region, knows a size of VALUES."""
    for value in values:
        counts = closure(value.type.symbols, builder.module) & builder.counts.keys()
        if any(builder.counts[name].block is block for name in counts):
            raise Refused(f"{what} is {value.type}, with a size that depends on data inside of it")


def placed(builder: Builder, op: Operation) -> list[Tensor]:
    """The results of OP, which is appended to the block of BUILDER."""
    builder.block.append(op)
    return [Tensor.of(value) for value in op.results]
