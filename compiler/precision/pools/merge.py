"""One kernel of a convolution and of the pool behind it, with the pool first: the region of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.interpreter import Evaluation
from ....dialects.core.ir import Block, Operation, Region, Value
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.graph.constants import Constant
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.pool import MaxPool
from ....dialects.precision import PrecisionKernel
from .rising import Array, refusal


@dataclass(frozen=True)
class ConvolutionAndPool:
    """The kernel `first`, with the convolution `root`, and the kernel `second` with `pool`, which alone reads
    its result, as operand `operand`. between: the ops from the convolution to the pool, in both."""

    first: PrecisionKernel
    second: PrecisionKernel
    root: Conv
    pool: MaxPool
    operand: int
    between: tuple[Operation, ...]


def pair_of(second: PrecisionKernel) -> ConvolutionAndPool | None:
    """The pair whose latter kernel is SECOND; None where it has no pool of a convolution's result."""
    pools = [op for op in second.body.block if has(op, Trait.WINDOW)]
    if len(pools) != 1 or not isinstance(pools[0], MaxPool) or len(second.results) != 1:
        return None
    pool = pools[0]
    behind: list[Operation] = []
    value = pool.x
    while value.producer is not None and value.producer.inputs:
        behind.insert(0, value.producer)
        value = value.producer.inputs[0]
    if value not in second.body.block.arguments:
        return None
    operand = second.body.block.arguments.index(value)
    first = second.inputs[operand].producer
    if not isinstance(first, PrecisionKernel) or len(first.results) != 1 or len(first.result.uses) != 1:
        return None
    roots = [op for op in first.body.block if has(op, Trait.CONTRACTION)]
    if len(roots) != 1 or not isinstance(roots[0], Conv):
        return None
    chain = _chain(roots[0].result, first.body.block.terminator)
    if chain is None or _chain(value, pool) != behind:
        return None
    return ConvolutionAndPool(first, second, roots[0], pool, operand, (*chain, *behind))


def _chain(value: Value, end: Operation) -> list[Operation] | None:
    """The ops from VALUE to END, each of which is all that reads the one before it; None where others do."""
    found: list[Operation] = []
    while len(value.users) == 1:
        op = value.users[0]
        if op is end:
            return found
        if len(op.results) != 1 or not has(op, Trait.ELEMENTWISE):
            return None
        found.append(op)
        value = op.result
    return None


def why_not(pair: ConvolutionAndPool) -> str | None:
    """Why the pool of PAIR must stay behind what is between it and the convolution; None when it need not."""
    outside: dict[Value, Value] = {}
    for kernel in (pair.first, pair.second):
        outside |= dict(zip(kernel.body.block.arguments, kernel.inputs, strict=True))

    def known(value: Value) -> Array | None:
        producer = outside.get(value, value).producer
        if isinstance(producer, Constant):
            return producer.array(pair.first.module)
        if not isinstance(producer, Cast):
            return None
        x = known(producer.x)
        return None if x is None else producer.evaluate(Evaluation(Module(), {}), x)

    x, integers = pair.root.result, not pair.root.result.type.dtype.is_float
    argument = pair.second.body.block.arguments[pair.operand]
    for op in pair.between:
        if not any(value is x for value in op.inputs):
            x = argument  # the second kernel begins here
        reason = refusal(op, x, known, integers=integers)
        if reason is not None:
            return reason
        x = op.result
    return None


def merged(pair: ConvolutionAndPool) -> tuple[Block, tuple[Value, ...]]:
    """The region of one kernel for PAIR, with the pool right behind the convolution, and its operands."""
    first, second, block = pair.first.body.block, pair.second.body.block, Block()
    mapping: dict[Value, Value] = {}
    operands = list(pair.first.inputs)
    for argument in first.arguments:
        mapping[argument] = block.add_argument(argument.type, argument.hint)
    for number, argument in enumerate(block_arguments := second.arguments):
        if number != pair.operand:
            operands.append(pair.second.inputs[number])
            mapping[argument] = block.add_argument(argument.type, argument.hint)
    for op in first:
        if op in pair.between:
            block.append(_smaller(op, mapping))
        elif op.next is not None:
            block.append(clone_op(op, mapping))
        if op is pair.root:
            mapping[op.result] = block.append(_pool(pair, mapping[op.result])).result
    mapping[block_arguments[pair.operand]] = mapping[first.terminator.inputs[0]]
    for op in second:
        if op in pair.between:
            block.append(_smaller(op, mapping))
        elif op is pair.pool:
            mapping[op.result] = mapping[pair.pool.x]
        elif op.next is not None:
            block.append(clone_op(op, mapping))
    block.append(Yield(*(mapping[value] for value in second.terminator.inputs)))
    return block, tuple(operands)


def put(pair: ConvolutionAndPool, region: Block, operands: Sequence[Value]) -> None:
    """Put one kernel of REGION, which reads OPERANDS, in the place of both of PAIR."""
    first, second = pair.first, pair.second
    assert second.parent is not None
    one = PrecisionKernel(
        *operands,
        types=[second.result.type],
        regions=[Region(region)],
        loc=first.location.merged(second.location),
        root=first.root,
        requested=first.requested,
        compute=first.compute,
        accumulate=first.accumulate,
        why=first.why,
        fallback=first.fallback,
    )
    second.parent.insert_before(second, one)
    second.replace_by(one.result)
    first.erase()


def _pool(pair: ConvolutionAndPool, x: Value) -> Operation:
    pool = pair.pool
    attributes = {name: value for name, value in pool.attributes.items() if value is not None}
    return MaxPool(x, loc=pool.location, **attributes)


def _smaller(op: Operation, mapping: dict[Value, Value]) -> Operation:
    """A copy of OP, elementwise, on operands of other shapes."""
    operands = [None if value is None else mapping[value] for value in op.operands]
    attributes = {name: value for name, value in op.attributes.items() if value is not None}
    copy = type(op)(*operands, loc=op.location, **attributes)
    mapping[op.result] = copy.result
    copy.result.hint = op.result.hint
    return copy
