"""What values are made of, through control flow: a branch's result of what both branches yield, what a loop
carries of what it begins with and of what its last iteration yields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ...dialects.control import ControlOp, If, Loop
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Function

Sources = Mapping[Value, tuple[Value, ...]]


def sources_in(function: Function) -> Sources:
    """For every value in FUNCTION and its regions those that it is made of: operands, what is yielded for it,
    and what decides whether that is. Captured values are the sources of the arguments that they are."""
    found: dict[Value, tuple[Value, ...]] = {}
    _visit(function.block, found)
    return found


def _visit(block: Block, found: dict[Value, tuple[Value, ...]]) -> None:
    for op in block:
        if isinstance(op, ControlOp):
            found |= {argument: (value,) for value, argument in op.passed()}
        match op:
            case If():
                yielded = zip(*(region.block.terminator.inputs for region in op.regions), strict=True)
                found |= {to: (op.condition, *each) for to, each in zip(op.results, yielded, strict=True)}
            case Loop():
                found |= _of_loop(op)
            case _:
                found |= dict.fromkeys(op.results, op.inputs)
        for region in op.regions:
            _visit(region.block, found)


def _of_loop(loop: Loop) -> dict[Value, tuple[Value, ...]]:
    """The sources of the values that LOOP carries and of its results."""
    deciding = tuple(v for v in (loop.trip, loop.condition, loop.yielded_condition) if v is not None)
    found = {value: (*deciding, given) for value, given in zip(loop.results, loop.yielded, strict=True)}
    carried = loop.body.block.arguments[1 : 1 + loop.carried]
    for argument, value, initial in zip(carried, loop.results, loop.initial, strict=False):
        found[value] += (initial,)
        found[argument] = (initial, loop.yielded[argument.index - 1])
    return found


def makers(
    values: Iterable[Value], sources: Sources, ends: Callable[[Operation], bool]
) -> dict[Operation, None]:
    """The transitive producers of VALUES; the search stops at ops for which ENDS is true."""
    found: dict[Operation, None] = {}
    seen, pending = set[Value](), list(values)
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        if value.producer is not None:
            found[value.producer] = None
        if value.producer is None or not ends(value.producer):
            pending += sources.get(value, ())
    return found


def is_fed_back(op: Operation, sources: Sources) -> bool:
    """Whether OP depends on its own result of an earlier iteration through a value that a loop carries."""
    return op.holder is not None and op in makers(op.inputs, sources, lambda each: each.holder is None)
