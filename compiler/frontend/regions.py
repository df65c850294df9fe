"""Builds the regions of control flow: blocks separate from the function's body, isolated when complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from ...dialects.control import ControlYield, If
from ...dialects.core.affine import Dim
from ...dialects.core.clone import clone_op
from ...dialects.core.ir import Block, Operation, Region, Value
from ...dialects.core.sizes.values import closure
from ...dialects.core.types import TensorType
from ...dialects.graph.constants import Constant, Dims
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape
from .builder import Builder
from .counts import count_of_data, cut_to
from .either_rank import EitherRank
from .problems import Malformed, Refused
from .tensor import Tensor


@contextmanager
def region(builder: Builder, arguments: Sequence[TensorType] = ()) -> Iterator[Block]:
    """A context in which BUILDER appends to a new block with ARGUMENTS, which an error discards.

    Counts that are computed inside are known there only.
    """
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
    """Drop the operands of BLOCK's ops, so that it can be forgotten."""
    for op in block:
        for inner in op.walk():
            inner.drop_operands()


def isolated(blocks: Sequence[Block]) -> list[Value]:
    """Make BLOCKS read nothing but their own arguments.

    Returns the outside values that they read: every block has a new argument for each. Constants are copied
    instead.
    """
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
    builder: Builder,
    condition: Tensor,
    bodies: Sequence[Callable[[], Sequence[Tensor]]],
    counted: bool = True,
) -> list[Tensor]:
    """The results of a `control.if` on the scalar CONDITION: those of the first or the second of BODIES.

    Where their sizes differ, both are padded to the larger one, and the result is cut to the actual size,
    which the taken branch gives. Raises Refused if they differ in rank and, unless COUNTED, if they differ in
    data-dependent sizes.
    """
    blocks: list[Block] = []
    given: list[Sequence[Tensor]] = []
    with ExitStack() as undone:
        for body in bodies:
            with region(builder) as block:
                undone.callback(discard, block)
                given.append(body())
            blocks.append(block)
        ranks = [(one.rank, other.rank) for one, other in zip(*given, strict=True)]
        given = _of_one_rank(builder, blocks, given)
        varying = [_varying(builder, one, other) for one, other in zip(*given, strict=True)]
        if not counted and any(span.counted for spans in varying for span in spans.values()):
            raise Refused("its branches differ in sizes that depend on data")
        for block, outputs in zip(blocks, given, strict=True):
            with _reopened(builder, block):
                block.append(ControlYield(*_yielded(builder, outputs, given[0], varying)))
        undone.pop_all()
    captures, regions = isolated(blocks), [Region(block) for block in blocks]
    op = If(builder.value(condition), *captures, regions=regions, loc=builder.location)
    results = _cut(builder, placed(builder, op), varying)
    return [
        each if one == other else EitherRank(builder.value(each), min(one, other))
        for each, (one, other) in zip(results, ranks, strict=True)
    ]


def _of_one_rank(
    builder: Builder, blocks: Sequence[Block], given: Sequence[Sequence[Tensor]]
) -> list[Sequence[Tensor]]:
    """The results GIVEN by BLOCKS, branches; single elements get the rank of the other branch's."""
    shapes = [max(one.shape, other.shape, key=len) for one, other in zip(*given, strict=True)]
    found: list[Sequence[Tensor]] = []
    for block, outputs in zip(blocks, given, strict=True):
        with _reopened(builder, block):
            pairs = zip(outputs, shapes, strict=True)
            found.append([_raised(builder, each, shape) for each, shape in pairs])
    return found


def _raised(builder: Builder, x: Tensor, shape: tuple[Dim, ...]) -> Tensor:
    """X, of one element, reshaped to SHAPE if that has one element and more dimensions; else X."""
    single = all(size == 1 for size in (*x.shape, *shape))
    return builder.emit(Reshape, x, shape=shape) if single and x.rank < len(shape) else x


class _Span(NamedTuple):
    """The range of a size that the taken branch decides; and whether it depends on data in a branch."""

    least: Dim
    most: Dim
    counted: bool


@contextmanager
def _reopened(builder: Builder, block: Block) -> Iterator[None]:
    """A context in which BUILDER appends to the region BLOCK again."""
    builder.regions.append(block)
    try:
        with builder.within(block):
            yield
    finally:
        builder.regions.pop()


def _varying(builder: Builder, one: Tensor, other: Tensor) -> dict[int, _Span]:
    """The axes along which ONE and OTHER, of two branches, differ in size."""
    known, found = builder.sizes_known, dict[int, _Span]()
    pairs = zip(one.shape, other.shape, strict=True) if one.rank == other.rank else ()
    for axis, sizes in enumerate(pairs):
        if known.sign(sizes[0] - sizes[1]) != 0:
            counted = any(map(known.counted.within, sizes))
            most = known.derive("max", *map(known.counted.largest, sizes))
            found[axis] = _Span(0 if counted else known.derive("min", *sizes), most, counted)
    return found


def _yielded(
    builder: Builder, outputs: Sequence[Tensor], first: Sequence[Tensor], varying: Sequence[dict[int, _Span]]
) -> list[Value]:
    """The values that a branch yields for OUTPUTS, of which the first branch has FIRST.

    These are padded along the VARYING axes, and followed by the sizes of these axes.
    """
    kept, sizes = list[Value](), list[Value]()
    for at, (one, other, spans) in enumerate(zip(outputs, first, varying, strict=True)):
        shape = tuple(spans[axis].most if axis in spans else size for axis, size in enumerate(other.shape))
        filled = _filled(builder, one, spans)
        kept.append(unchanged(builder, filled, TensorType(shape, other.dtype), f"output {at}"))
        numbers = [builder.emit(Reshape, builder.dims([one.shape[axis]]), shape=()) for axis in spans]
        sizes += map(builder.value, numbers)
    return [*kept, *sizes]


def _filled(builder: Builder, x: Tensor, spans: dict[int, _Span]) -> Tensor:
    """X padded with zeros to SPANS."""
    pads: list[Dim] = [0] * (2 * x.rank)
    for axis, span in spans.items():
        pads[x.rank + axis] = span.most - x.shape[axis]
    return builder.emit(Pad, x, pads=pads) if spans else x


def _cut(builder: Builder, results: list[Tensor], varying: Sequence[dict[int, _Span]]) -> list[Tensor]:
    """RESULTS, which end with the sizes of the VARYING axes, cut to these."""
    outputs, sizes = results[: len(varying)], iter(results[len(varying) :])
    for at, spans in enumerate(varying):
        for axis, (least, most, _) in spans.items():
            size = count_of_data(builder, next(sizes), most, least)
            outputs[at] = cut_to(builder, outputs[at], axis, size)
    return outputs


def unchanged(builder: Builder, tensor: Tensor, wanted: TensorType, what: str) -> Value:
    """TENSOR as a value of type WANTED, with its sizes spelled as there.

    Raises Malformed for another element type and Refused for another shape, about WHAT.
    """
    have = tensor.type
    if have.dtype != wanted.dtype:
        raise Malformed(f"its {what} is {have.dtype}, {wanted.dtype} is expected")
    pairs = zip(have.shape, wanted.shape, strict=False)
    if have.rank != wanted.rank or any(builder.sizes_known.sign(a - b) != 0 for a, b in pairs):
        text = f"its {what} is {have}, {wanted} is expected"
        raise Refused(f"{text}; shapes that depend on data are not supported")
    same = have.shape == wanted.shape
    return builder.value(tensor if same else builder.emit(Reshape, tensor, shape=wanted.shape))


def check_known_outside(builder: Builder, block: Block, values: Sequence[Value], what: str) -> None:
    """Raise Refused, about WHAT, if a size of VALUES is known in the region BLOCK only."""
    for value in values:
        counts = closure(value.type.symbols, builder.module) & builder.counts.keys()
        if any(builder.counts[name].block is block for name in counts):
            raise Refused(f"{what} is {value.type}, with a size that depends on data inside the region")


def placed(builder: Builder, op: Operation) -> list[Tensor]:
    """The results of OP, appended to the block of BUILDER."""
    builder.block.append(op)
    return [Tensor.of(value) for value in op.results]
