"""Turns parsed records into operations, resolving value names scope by scope."""

from __future__ import annotations

import difflib

from ...errors import IRError
from .diagnostics import text_error
from .dialect import DialectSet
from .ir import Block, Function, Module, Operation, Region, SymbolRange, Value
from .location import Location, Span
from .records import ArgumentRecord, FunctionRecord, ModuleRecord, OpRecord
from .resources import ResourceTable


class _Scope:
    """Values by name; a region sees the names around it."""

    def __init__(self, outer: _Scope | None = None) -> None:
        self._outer = outer
        self._values: dict[str, Value] = {}

    def define(self, name: str, value: Value, span: Span) -> None:
        if name in self._values:
            raise text_error(f"%{name} is defined twice", span, "give the second value another name")
        self._values[name] = value
        value.hint = "" if name.isdigit() else name

    def find(self, name: str, span: Span) -> Value:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope._values:
                return scope._values[name]
            scope = scope._outer
        close = difflib.get_close_matches(name, self._values, 1)
        hint = f"is %{close[0]} meant?" if close else "a value must be defined before it is used"
        raise text_error(f"%{name} is not defined", span, hint)


def build_module(record: ModuleRecord, dialects: DialectSet, weights: ResourceTable) -> Module:
    """The module for RECORD; weights are looked up in the given table."""
    module = Module(record.name, resources=weights)
    for name, low, middle, high in record.symbols:
        module.symbols[name] = SymbolRange(low, middle, high)
    for function in record.functions:
        module.add(_build_function(function, dialects))
    if not module.functions:
        raise IRError(f"module @{record.name} has no function", "add `func @main(...)`")
    return module


def _build_function(record: FunctionRecord, dialects: DialectSet) -> Function:
    function = Function(record.name)
    for key in record.attributes:
        if key not in ("inputs", "outputs"):
            raise text_error(f"a function has no attribute '{key}'", record.span)
    function.inputs = [str(name) for name in record.attributes.get("inputs", [])]
    function.outputs = [str(name) for name in record.attributes.get("outputs", [])]
    scope = _Scope()
    _fill_block(function.block, record.arguments, record.ops, scope, dialects)
    _check_signature(function, record)
    return function


def _check_signature(function: Function, record: FunctionRecord) -> None:
    last = function.block.last
    if last is None or last.name != "core.return":
        raise text_error(f"func @{record.name} does not end with core.return", record.span)
    if [value.type for value in last.inputs] != record.types:
        raise text_error(f"func @{record.name} returns other types than it declares", record.span)
    counts = (len(function.inputs), len(function.outputs))
    if counts != (len(record.arguments), len(record.types)):
        raise text_error(f"func @{record.name}: inputs and outputs must name every argument and result", record.span)


def _fill_block(
    block: Block, arguments: list[ArgumentRecord], ops: list[OpRecord], scope: _Scope, dialects: DialectSet
) -> None:
    for argument in arguments:
        scope.define(argument.name, block.add_argument(argument.type), argument.span)
    for record in ops:
        block.append(_build_op(record, scope, dialects))


def _build_op(record: OpRecord, scope: _Scope, dialects: DialectSet) -> Operation:
    cls = dialects.get(record.name)
    if cls is None:
        close = difflib.get_close_matches(record.name, dialects.ops, 1)
        raise text_error(f"there is no op {record.name}", record.span, f"is {close[0]} meant?" if close else None)
    operands = [None if name is None else scope.find(name, span) for name, span in record.operands]
    regions = [_build_region(arguments, ops, scope, dialects) for arguments, ops in record.regions]
    attributes = dict(record.attributes)
    if cls.spec.symbol is not None and record.symbol is not None:
        attributes[cls.spec.symbol] = record.symbol
    location = Location(record.nodes, record.span)
    op = cls(*operands, types=record.types, regions=regions, loc=location, **_checked_keys(attributes, record))
    if len(record.results) != len(op.results):
        raise text_error(f"{len(record.results)} names for {len(op.results)} result types", record.span)
    for (name, span), value in zip(record.results, op.results, strict=True):
        scope.define(name, value, span)
    return op


def _checked_keys(attributes: dict[str, object], record: OpRecord) -> dict[str, object]:
    for reserved in ("types", "regions", "loc"):
        if reserved in attributes:
            raise text_error(f"'{reserved}' is not an attribute", record.span)
    return attributes


def _build_region(
    arguments: list[ArgumentRecord], ops: list[OpRecord], scope: _Scope, dialects: DialectSet
) -> Region:
    block = Block()
    _fill_block(block, arguments, ops, _Scope(scope), dialects)
    return Region(block)
