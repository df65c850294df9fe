"""Branches that are both computed, because they differ in data-dependent sizes.

Exporters write such branches for tensors that may be empty. The chosen result has the size of the taken
branch, a count of at most the larger of the two. Ops have no side effects, so this costs only time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...dialects.control import Loop
from ...dialects.core.affine import Dim
from ...dialects.graph.elementwise import Where
from ...dialects.graph.movement.pad import Pad
from .call import Call
from .counts import count_of_data, cut_to
from .ops_selection import size_value
from .problems import Malformed, Refused
from .tensor import Tensor

MERGED_BRANCHES = "merged-branches"


def merged(call: Call, condition: Tensor, bodies: Sequence[Callable[[], Sequence[Tensor]]]) -> list[Tensor]:
    """The result of the first or the second of BODIES, by the scalar CONDITION; both are computed.

    Raises Refused for results of different ranks, and for loops that might never end if their branch is not
    taken.
    """
    last = call.builder.block.last
    one, other = (body() for body in bodies)
    added = call.builder.block.first if last is None else last.next
    while added is not None:
        if any(isinstance(op, Loop) and op.condition is not None and op.count is None for op in added.walk()):
            raise Refused("a branch has a loop that only data ends; its shape must not depend on data")
        added = added.next
    pairs = enumerate(zip(one, other, strict=True))
    results = [_chosen(call, condition, a, b, f"output {at}") for at, (a, b) in pairs]
    call.builder.remark(MERGED_BRANCHES, "its branches differ in sizes that depend on data")
    return results


def _chosen(call: Call, condition: Tensor, one: Tensor, other: Tensor, what: str) -> Tensor:
    """ONE if CONDITION holds, else OTHER."""
    if one.dtype != other.dtype:
        raise Malformed(f"its {what} is {one.dtype} in one branch and {other.dtype} in the other")
    if one.rank != other.rank:
        text = f"its {what} is {one.type} in one branch and {other.type} in the other"
        raise Refused(f"{text}; ranks that depend on data are not supported")
    sizes = [_size(call, condition, a, b) for a, b in zip(one.shape, other.shape, strict=True)]
    counted = call.builder.sizes_known.counted
    most = [counted.largest(size) for size in sizes]
    result = call.emit(Where, condition, _extended(call, one, most), _extended(call, other, most))
    for axis, size in enumerate(sizes):
        result = result if size == most[axis] else cut_to(call.builder, result, axis, size)
    return result


def _size(call: Call, condition: Tensor, one: Dim, other: Dim) -> Dim:
    """The size ONE if CONDITION holds, else OTHER."""
    known = call.builder.sizes_known
    if known.sign(one - other) == 0:
        return one
    builder = call.builder
    values = [builder.value(each) for each in (condition, size_value(call, one), size_value(call, other))]
    # It is data even where a derived symbol could express it, because such a choice has no bound.
    chosen = builder.block.append(Where(*values, loc=builder.location)).result
    return count_of_data(builder, Tensor.of(chosen), known.derive("max", one, other))


def _extended(call: Call, x: Tensor, shape: Sequence[Dim]) -> Tensor:
    """X extended, with arbitrary elements, to SHAPE, which is nowhere smaller."""
    ends = [want - have for want, have in zip(shape, x.shape, strict=True)]
    return call.emit(Pad, x, pads=(*[0] * x.rank, *ends)) if any(end != 0 for end in ends) else x
