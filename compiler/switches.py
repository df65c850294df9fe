"""Keeps the values of single nodes through the passes of the graph level.

What a switch speaks of must still be there when kernels are formed: rewrites that would take it
away see another reader of it, an additional output of the function.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..dialects.core.builtin import Return
from ..dialects.core.ir import Function, Module, Value
from .passes import PassContext


def switched_nodes(context: PassContext) -> set[str]:
    """The nodes that the context's switches speak of."""
    return {*context.keep, *(node for barrier in context.barriers for node in barrier)}


@contextmanager
def held(module: Module, context: PassContext) -> Iterator[None]:
    """While it lasts, the values that MODULE's switched nodes hand on are outputs of it."""
    nodes = switched_nodes(context)
    counts = [_hold(function, nodes) for function in module.functions] if nodes else []
    yield
    for function, count in zip(module.functions, counts, strict=False):
        _return(function, function.returned[:count])
        del function.outputs[count:]


def _hold(function: Function, nodes: set[str]) -> int:
    """Make the values of NODES outputs; how many outputs there were."""
    values = [value for op in function.block if nodes & set(op.location.nodes) for value in op.results]
    returned = function.returned
    new = [value for value in values if value not in returned]
    _return(function, [*returned, *new])
    function.outputs += [f"kept: {number}" for number in range(len(new))]
    return len(returned)


def _return(function: Function, values: Iterable[Value]) -> None:
    old = function.block.terminator
    function.block.insert_before(old, Return(*values, loc=old.location))
    old.erase()
