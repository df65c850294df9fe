"""One contraction of a region that has several, as a request of its own.

A part has all arguments of the whole, and behind these what other parts give it. So an argument has the same
number everywhere, as a buffer of the kernel and in the names that code has for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.types import TensorType
from ...request.request import Request
from .binding import Contraction, find_contraction


@dataclass(frozen=True)
class Part:
    """One contraction of several, as a request of its own."""

    request: Request
    contraction: Contraction


def needed(value: Value, given: Collection[Value]) -> dict[Operation, None]:
    """The ops that compute VALUE, from those that are GIVEN and from arguments."""
    found: dict[Operation, None] = {}
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if each in given or each.producer is None or each.producer in found:
            continue
        found[each.producer] = None
        waiting += each.producer.inputs
    return found


def part_of(
    request: Request,
    ops: Collection[Operation],
    result: Value,
    stored: TensorType,
    given: Sequence[tuple[Value, TensorType]],
) -> Part | None:
    """The part of REQUEST that OPS compute: RESULT, which it stores as STORED, from values that are GIVEN as
    such types. None where it is no contraction that kernels could compute."""
    block = Block()
    copies: dict[Value, Value] = {}
    for argument in request.region.arguments:
        copies[argument] = block.add_argument(argument.type, argument.hint)
    for value, type in given:
        copies[value] = block.add_argument(type, value.hint)
    for op in request.ops:
        if op in ops:
            block.append(clone_op(op, copies))
    block.append(Yield(copies[result]))
    own = replace(request, region=block, writes=(stored,), known={})
    contraction = find_contraction(own)
    return None if contraction is None else Part(own, contraction)
