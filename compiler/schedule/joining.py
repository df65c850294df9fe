"""What passes share that make one launch of several: their regions as one, and who might compute it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ...codegen.interface import ArchSpec, Candidate, KernelFamily, families, make_request
from ...dialects.core.builtin import Yield
from ...dialects.core.clone import clone_op
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.launch import Kernel


def joined(launches: Sequence[Kernel], between: Sequence[Value], kept: Sequence[Value]) -> Block:
    """The regions of LAUNCHES, one behind the other. Each of BETWEEN, the buffers that one of them writes and
    a later one reads, is a value of the region; it yields what was written to those KEPT.

    Arguments are the buffers that launches read, in order, but for those between.
    """
    region = Block()
    copies: dict[Value, Value] = {}
    made: dict[Value, Value] = {}
    for kernel in launches:
        body = kernel.body.block
        for argument, value in zip(body.arguments, kernel.reads, strict=True):
            own = made[value] if value in between else region.add_argument(argument.type, argument.hint)
            copies[argument] = own
        for op in body:
            if op.next is not None:
                region.append(clone_op(op, copies))
        made |= {
            buffer: copies[value] for buffer, value in zip(kernel.writes, body.terminator.inputs, strict=True)
        }
    region.append(Yield(*(made[value] for value in kept)))
    return region


def fastest(
    module: Module,
    region: Block,
    buffers: tuple[Sequence[Value], Sequence[Value]],
    target: ArchSpec,
    able: Callable[[KernelFamily], bool],
) -> Candidate | None:
    """The fastest kernel for TARGET by a family that is ABLE to compute REGION of MODULE, which reads and
    writes BUFFERS; None without any."""
    request = make_request(module, region, *buffers, target, "kernel")
    found = [
        candidate for family in families().values() if able(family) for candidate in family.propose(request)
    ]
    return min(found, key=lambda candidate: candidate.microseconds, default=None)


def products_of(kernel: Kernel) -> list[Operation]:
    """The contractions of KERNEL, in order, if they multiply operands as they are stored."""
    rounds = any(op.attributes.get("multiply") is not None for op in kernel.body.block)
    return [] if rounds else [op for op in kernel.body.block if has(op, Trait.CONTRACTION)]


def product_of(kernel: Kernel) -> Operation | None:
    """The only contraction of KERNEL, if it multiplies operands as they are stored."""
    found = products_of(kernel)
    return found[0] if len(found) == 1 else None


def joins_first(kernel: Kernel, buffer: Value) -> bool:
    """Whether KERNEL, a contraction or several in a chain, reads BUFFER as the first operand of the first
    one, and for nothing else."""
    roots = products_of(kernel)
    if not roots or kernel.reads.count(buffer) != 1:
        return False
    argument = kernel.body.block.arguments[kernel.reads.index(buffer)]
    return len(argument.uses) == 1 and roots[0].inputs[0] is argument


def place_of(needs: Sequence[Collection[int]], group: Sequence[int]) -> int | None:
    """Which of the launches GROUP, numbers in order, has a place where they may be one: the first, if the
    others need nothing that is launched behind it, by what launches have NEEDS for, but each other; or the
    last, if nothing between needs one of them. None where neither has."""
    first, last = group[0], group[-1]
    if not any(first < need and need not in group for number in group[1:] for need in needs[number]):
        return first
    between = (number for number in range(first + 1, last) if number not in group)
    return None if any(need in group for number in between for need in needs[number]) else last
