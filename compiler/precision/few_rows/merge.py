"""One kernel of two, of which the second alone reads what the first results in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....codegen.interface import half_of
from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Region, Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.packed import PackedMatmul
from ....dialects.precision import PrecisionKernel


@dataclass(frozen=True)
class KernelPair:
    """The kernel `first`, and the kernel `second` that alone reads its result, as operand `operand`; the
    matrix product `product` is in one of them."""

    first: PrecisionKernel
    second: PrecisionKernel
    operand: int
    product: Matmul | PackedMatmul

    @property
    def argument(self) -> Value:
        """What stands for the first kernel's result in the second."""
        return self.second.body.block.arguments[self.operand]


def pairs_before(second: PrecisionKernel) -> list[KernelPair]:
    """The pairs whose latter kernel is SECOND."""
    found = []
    for operand, value in enumerate(second.inputs):
        first = value.producer
        if not isinstance(first, PrecisionKernel) or first.parent is not second.parent:
            continue  # in a loop or a branch it would run as often as what reads it there
        if len(first.results) != 1 or len(second.results) != 1:
            continue
        products = [
            op for kernel in (first, second) for op in kernel.body.block if has(op, Trait.CONTRACTION)
        ]
        if len(value.uses) == 1 and len(products) == 1 and isinstance(products[0], (Matmul, PackedMatmul)):
            found.append(KernelPair(first, second, operand, products[0]))
    return found


def is_rows(pair: KernelPair) -> bool:
    """Whether the first kernel of PAIR makes the rows that the second one multiplies, and is no product."""
    return pair.product.inputs[0] is pair.argument and len(pair.argument.uses) == 1


def is_halves(pair: KernelPair) -> bool:
    """Whether the second kernel of PAIR reads both halves of the columns of the first one's product."""
    users, shape = pair.argument.users, pair.argument.type.shape
    if pair.product.parent is not pair.first.body.block or not shape:
        return False
    columns = shape[-1]
    if not isinstance(columns, int) or columns % 2:
        return False
    starts = [half_of(op, columns // 2) for op in users]
    return set(starts) == {0, columns // 2}


def merged(pair: KernelPair) -> tuple[Block, tuple[Value, ...]]:
    """The region of one kernel for PAIR, and its operands, each once."""
    first, second, block = pair.first.body.block, pair.second.body.block, Block()
    mapping: dict[Value, Value] = {}
    arguments: dict[Value, Value] = {}

    def read(outside: Value, inside: Value) -> None:
        if outside not in arguments:
            arguments[outside] = block.add_argument(inside.type, inside.hint)
        mapping[inside] = arguments[outside]

    for outside, inside in zip(pair.first.inputs, first.arguments, strict=True):
        read(outside, inside)
    for outside, inside in zip(pair.second.inputs, second.arguments, strict=True):
        if inside is not pair.argument:
            read(outside, inside)
    for op in first:
        if op.next is not None:
            block.append(clone_op(op, mapping))
    mapping[pair.argument] = mapping[first.terminator.inputs[0]]
    for op in second:
        if op.next is not None:
            block.append(clone_op(op, mapping))
    block.append(Yield(*(mapping[value] for value in second.terminator.inputs)))
    return block, tuple(arguments)


def put(pair: KernelPair, region: Block, operands: Sequence[Value]) -> None:
    """Put one kernel of REGION, which reads OPERANDS, in the place of both of PAIR."""
    first, second = pair.first, pair.second
    assert second.parent is not None
    leading = first if pair.product.parent is first.body.block else second
    one = PrecisionKernel(
        *operands,
        types=[second.result.type],
        regions=[Region(region)],
        loc=first.location.merged(second.location),
        root=leading.root,
        requested=leading.requested,
        compute=leading.compute,
        accumulate=leading.accumulate,
        why=leading.why,
        fallback=leading.fallback,
    )
    second.parent.insert_before(second, one)
    second.replace_by(one.result)
    first.erase()
