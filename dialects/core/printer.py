"""Prints modules as text that the parser reads back to the same module."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .ir import Block, Operation, Value
from .location import Location
from .module import Function, Module, Unpadded

_HINT = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class _Names:
    """Gives every value of a function a unique name: its hint if that is free."""

    def __init__(self, hints: bool = True) -> None:
        self._hints = hints
        self._names: dict[Value, str] = {}
        self._taken: set[str] = set()
        self._next = 0

    def define(self, value: Value) -> str:
        hint = (
            value.hint
            if self._hints and _HINT.fullmatch(value.hint) and value.hint not in self._taken
            else ""
        )
        name = hint or self._fresh()
        self._taken.add(name)
        self._names[value] = name
        return "%" + name

    def _fresh(self) -> str:
        name = str(self._next)
        self._next += 1
        return name

    def use(self, value: Value | None) -> str:
        if value is None:
            return "_"
        return "%" + self._names.get(value, "<unknown>")


def print_module(module: Module) -> str:
    """The whole module as text."""
    lines = [f"module @{module.name} {{"]
    lines += size_lines(module)
    for function in module.functions:
        lines += _function_lines(function)
    lines.append("}")
    return "\n".join(lines) + "\n"


def size_lines(module: Module) -> Iterator[str]:
    """The lines about sizes: symbols, what inputs hold, determined symbols, constraints and cuts."""
    for name, r in module.symbols.items():
        definition = f" = {module.derived[name]}" if name in module.derived else ""
        yield f"  symbol {name}{definition} in [{r.minimum}, {r.optimum}, {r.maximum}]"
    for name, dims in module.contents.items():
        yield f"  content {json.dumps(name)} = [{', '.join(map(str, dims))}]"
    for name, weight in module.defaults.items():
        yield f"  default {json.dumps(name)} = @{weight}"
    for output, input in module.unranked.items():
        yield f"  unranked {json.dumps(output)} = {json.dumps(input)}"
    if module.unpadded is not None:
        yield _unpadded_line(module.unpadded)
    for name, found in module.determined.items():
        yield f"  determined {name} = {found.dim} {json.dumps(found.why)}{_location_text(found.location)}"
    for each in module.constraints:
        yield f"  constraint {each} {json.dumps(each.why)}{_location_text(each.location)}"
    for cut in module.cuts:
        yield f"  cut {json.dumps(cut.output)}[{cut.axis}] = {json.dumps(cut.count)}"


def _unpadded_line(unpadded: Unpadded) -> str:
    outputs = (f"{json.dumps(name)} = {list(axes)}" for name, axes in unpadded.outputs.items())
    return f"  unpadded {json.dumps(unpadded.mask)} {{{', '.join(outputs)}}}"


def canonical_text(block: Block) -> str:
    """A region as text without anything that does not affect what it computes: equal text, equal
    computation."""
    names = _Names(hints=False)
    return "\n".join(_region_lines(block, names, "", whole=False))


def _function_lines(function: Function) -> Iterator[str]:
    names = _Names()
    arguments = ", ".join(f"{names.define(a)}: {a.type}" for a in function.arguments)
    outputs = ", ".join(str(value.type) for value in function.returned)
    inputs = ", ".join(json.dumps(name) for name in function.inputs)
    results = ", ".join(json.dumps(name) for name in function.outputs)
    head = f"  func @{function.name}({arguments}) -> ({outputs})"
    yield f"{head} {{inputs = [{inputs}], outputs = [{results}]}} {{"
    yield from _block_lines(function.block, names, "    ")
    yield "  }"


def _block_lines(block: Block, names: _Names, indent: str, *, whole: bool = True) -> Iterator[str]:
    for op in block:
        yield from _op_lines(op, names, indent, whole=whole)


def _op_lines(op: Operation, names: _Names, indent: str, *, whole: bool = True) -> Iterator[str]:
    operands = ", ".join(names.use(value) for value in op.operands)
    inner: list[str] = []
    for region in op.regions:
        inner += _region_lines(region.block, names, indent, whole=whole)
    results = ", ".join(names.define(value) for value in op.results)
    head = f"{indent}{results} = {op.name}" if results else f"{indent}{op.name}"
    if op.spec.symbol is not None and op.attributes[op.spec.symbol] is not None:
        head += f" @{op.attributes[op.spec.symbol]}"
    head += f" {operands}" if operands else ""
    head += attributes_text(op, whole=whole)
    if op.results:
        head += " : " + ", ".join(str(value.type) for value in op.results)
    tail = _location_text(op.location) if whole else ""
    if not inner:
        yield head + tail
        return
    yield head + tail + " {"
    yield from inner
    yield f"{indent}}}"


def _location_text(location: Location) -> str:
    if not location.nodes:
        return ""
    nodes, tensors = (", ".join(map(json.dumps, names)) for names in (location.nodes, location.tensors))
    return f" loc({nodes} -> {tensors})" if tensors else f" loc({nodes})"


def _region_lines(block: Block, names: _Names, indent: str, *, whole: bool = True) -> list[str]:
    arguments = ", ".join(f"{names.define(a)}: {a.type}" for a in block.arguments)
    return [f"{indent}  ^({arguments}):", *_block_lines(block, names, indent + "    ", whole=whole)]


def attributes_text(op: Operation, *, whole: bool = True) -> str:
    """The attributes that differ from their defaults, as ` {key = value}`; empty if there are none.

    Discardable attributes are included only if WHOLE.
    """
    parts = []
    for name, field in op.spec.attributes.items():
        value = op.attributes[name]
        if name == op.spec.symbol or value is None or _is_default(value, field.default):
            continue
        if field.discardable and not whole:
            continue
        parts.append(f"{name} = {field.kind.encode(value)}")
    return f" {{{', '.join(parts)}}}" if parts else ""


def _is_default(value: object, default: object) -> bool:
    try:
        return type(value) is type(default) and bool(value == default)
    except ValueError:  # arrays have no truth value, and are never a default
        return False
