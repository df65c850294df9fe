"""Outputs in the memory of inputs: caches that are written where they lie.

A caller declares by name which output takes the memory of which input. What is declared holds, or the build
ends with an error: a plan that copied instead would leave the caller's tensor as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.ir import Value
from ...dialects.core.module import Function, Module
from ...dialects.graph.sequences import WriteCache
from ...errors import InputError
from ..passes.ledger import Verdict
from ..passes.manager import PassContext

RULE = "in-place"


class MarkInPlace:
    """write_cache(input) => write_cache{in_place}(input), where the caller has declared it.

    Raises InputError where an output cannot be in the memory of the input.
    """

    name = "mark-in-place"

    def run(self, module: Module, context: PassContext) -> Module:
        for output, input in context.in_place.items():
            op = _write(module.main, output, input)
            op.attributes["in_place"] = True
            reason = f"'{output}' is in the memory of '{input}': only what is new is written"
            context.ledger.add(RULE, Verdict.TAKEN, reason, ops=[op.name], nodes=op.location.nodes)
        return module


def _write(function: Function, output: str, input: str) -> WriteCache:
    """The write into INPUT that OUTPUT of FUNCTION is."""
    value = _named(output, "output", function.outputs, function.returned)
    source = _named(input, "input", function.inputs, function.arguments)
    said = f"the output '{output}' cannot be in the memory of the input '{input}'"
    op = value.producer
    if not isinstance(op, WriteCache) or op.cache is not source:
        hint = "an op like TensorScatter has to write new elements into the input, and to give the output"
        raise InputError(f"{said}: it is not that input with elements written", hint)
    if len(source.uses) > 1:
        others = [other.name for other in source.users if other is not op] or [op.name]
        hint = "let what reads it read the output"
        raise InputError(f"{said}: {', '.join(others)} reads the input, too", hint)
    if function.returned.count(value) > 1:
        raise InputError(f"{said}: another output has the same elements", "declare none of them")
    return op


def _named(name: str, kind: str, names: Sequence[str], values: Sequence[Value]) -> Value:
    if name not in names:
        raise InputError(f"in_place: there is no {kind} '{name}'", f"there are {', '.join(names)}")
    return values[names.index(name)]
