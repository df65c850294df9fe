"""Builds operations from parsed records, resolving value names scope by scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lark import Token

from ...errors import IRError
from ...errors.diagnostic import Note
from .affine_traversal import symbols
from .anatomy import operation_anatomy, symbol_in
from .attributes import STRINGS, AttributeError_
from .diagnostics import closest, function_error, function_span, op_error, op_span, text_error
from .dialect import DialectSet
from .ir import Block, Operation, Region, Value
from .location import Location
from .module import Function, Module
from .parts import AttributeAt, AttributeNameAt, OperandAt, Part, ResultAt
from .records import (
    ArgumentRecord,
    ContentRecord,
    CutRecord,
    DefaultRecord,
    DeterminedRecord,
    FunctionRecord,
    ModuleRecord,
    OpRecord,
    SizeRecord,
    SymbolRecord,
    UnpaddedRecord,
    UnrankedRecord,
)
from .resources import ResourceTable
from .source_text import Place, SourceText
from .verifier import verify_rules


class _Scope:
    """Values by name, with the tokens that define them.

    A region also finds the outer names: that it must not read them is a rule of the verifier, which holds for
    parsed modules and for those that passes build.
    """

    def __init__(self, source: SourceText, outer: _Scope | None = None) -> None:
        self._source = source
        self._outer = outer
        self._values: dict[str, tuple[Value, Token]] = {}

    def define(self, name: str, value: Value, token: Token) -> None:
        if name in self._values:
            span, first = (self._source.span_of(each) for each in (token, self._values[name][1]))
            notes = [Note("it is defined first here", first)]
            raise text_error(
                f"%{name} is defined twice", span, "give the second value another name", notes=notes
            )
        self._values[name] = (value, token)
        value.hint = "" if name.isdigit() else name

    def find(self, name: str, token: Token) -> Value:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope._values:
                return scope._values[name][0]
            scope = scope._outer
        close = closest(name, self._values)
        hint = f"is %{close} meant?" if close else "a value must be defined before it is used"
        raise text_error(f"%{name} is not defined", self._source.span_of(token), hint)


class _Builder:
    """Builds one module. SOURCE locates errors, DIALECTS are the known ops."""

    def __init__(self, dialects: DialectSet, source: SourceText) -> None:
        self._dialects = dialects
        self._source = source

    def fail(self, message: str, token: Token, hint: str | None = None) -> IRError:
        return text_error(message, self._source.span_of(token), hint)

    def size(self, module: Module, record: SizeRecord) -> None:
        """Add one line about sizes (a symbol, a content, a default, a shape that is taken over, a determined
        symbol, a constraint or a cut); it may use earlier symbols."""
        if isinstance(record, SymbolRecord):
            named = set() if record.derived is None else record.derived.symbols
            module.symbols[record.name] = record.range
            if record.derived is not None:
                module.derived[record.name] = record.derived
        elif isinstance(record, ContentRecord):
            named = {name for dim in record.dims for name in symbols(dim)}
            module.contents[record.name] = record.dims
        elif isinstance(record, DefaultRecord):
            named = set()
            module.defaults[record.name] = record.weight
        elif isinstance(record, UnrankedRecord):
            named = set()
            module.unranked[record.output] = record.input
        elif isinstance(record, UnpaddedRecord):
            named = set()
            module.unpadded = record.unpadded
        elif isinstance(record, DeterminedRecord):
            named = symbols(record.found.dim)
            module.determined[record.name] = record.found
        elif isinstance(record, CutRecord):
            named = set()
            module.cuts.append(record.cut)
        else:
            named = record.constraint.symbols
            module.constraints.append(record.constraint)
        if unknown := named - module.symbols.keys():
            raise self._undeclared(min(unknown), record.token)

    def _undeclared(self, name: str, token: Token) -> IRError:
        """The error that the line of TOKEN uses the symbol NAME before its declaration."""
        source = self._source
        found = symbol_in(source.text, source.line(token), name)
        span = source.span(*found) if found else source.span_of(token)
        hint = f"declare `symbol {name} in [..]` before it"
        return text_error(f"no symbol '{name}' is declared before this line", span, hint)

    def check_signs(self, module: Module, records: Iterable[SizeRecord]) -> None:
        """Raise IRError for a symbol that may be negative though it is a size of an input."""
        free = [each for each in records if isinstance(each, SymbolRecord) and each.derived is None]
        for each in free:
            if each.range.minimum < 0 and each.name not in module.held:
                raise self.fail(f"the size {each.name} cannot be negative", each.token)

    def function(self, record: FunctionRecord) -> Function:
        function = Function(record.name)
        function.location = Location(place=Place(self._source, record.token.start_pos or 0))
        for key in record.attributes:
            if key not in ("inputs", "outputs"):
                close = closest(key, ("inputs", "outputs"))
                hint = f"is {close} meant?" if close else None
                message = f"has no attribute '{key}' (it has: inputs, outputs)"
                raise function_error(function, message, hint, at=AttributeNameAt(key))
        function.inputs, function.outputs = (_names(function, record, key) for key in ("inputs", "outputs"))
        self._fill(function.block, record.arguments, record.ops, _Scope(self._source))
        self._check_signature(function, record)
        return function

    def _check_signature(self, function: Function, record: FunctionRecord) -> None:
        last = function.block.last
        if last is None or last.name != "core.return":
            raise self.fail(f"func @{record.name} does not end with core.return", record.token)
        if [value.type for value in last.inputs] != record.types:
            self._check_returned(function, last, record)
        for key, names, count in (
            ("inputs", function.inputs, len(record.arguments)),
            ("outputs", function.outputs, len(record.types)),
        ):
            if len(names) != count:
                message, hint = (
                    f"has {count} {key}, but {len(names)} names",
                    f"one name per {key[:-1]} is expected",
                )
                raise function_error(function, message, hint, at=AttributeAt(key))

    def _check_returned(self, function: Function, end: Operation, record: FunctionRecord) -> None:
        """Raise an error for the first returned type that differs from the declared one.

        It is located at the op whose result types differ from the inferred ones, if there is one, else at the
        return.
        """
        verify_rules(function.block)
        message = f"func @{record.name} returns other types than it declares"
        for index, (value, declared) in enumerate(zip(end.inputs, record.types, strict=False)):
            if value.type != declared:
                notes = [Note(f"{declared} is declared here", function_span(function, ResultAt(index)))]
                label = f"this is {value.type}"
                raise text_error(message, op_span(end, OperandAt(index)), label=label, notes=notes)
        counts = f"{len(end.inputs)} values for {len(record.types)} declared types"
        raise text_error(message, op_span(end), label=counts)

    def _fill(
        self, block: Block, arguments: list[ArgumentRecord], ops: list[OpRecord], scope: _Scope
    ) -> None:
        for argument in arguments:
            scope.define(argument.name, block.add_argument(argument.type), argument.token)
        for record in ops:
            block.append(self._op(record, scope))

    def _op(self, record: OpRecord, scope: _Scope) -> Operation:
        cls = self._dialects.get(record.name)
        if cls is None:
            raise self.fail(f"there is no op {record.name}", record.token, self._what_instead(record.name))
        operands = [None if name is None else scope.find(name, token) for name, token in record.operands]
        if not all(ops for _, ops in record.regions):
            raise self.fail(f"a region of {record.name} is empty", record.token)
        regions = [self._region(arguments, ops, scope) for arguments, ops in record.regions]
        location = replace(record.location, place=Place(self._source, record.token.start_pos or 0))
        op = cls(
            *operands, types=record.types, regions=regions, loc=location, **self._attributes(cls, record)
        )
        if len(record.results) != len(op.results):
            text = f"{len(record.results)} names for {len(op.results)} result types"
            if len(record.results) > len(op.results):
                raise self.fail(text, record.results[len(op.results)][1])
            raise op_error(op, text, at=ResultAt(len(record.results)))
        for (name, token), value in zip(record.results, op.results, strict=True):
            scope.define(name, value, token)
        return op

    def _what_instead(self, name: str) -> str | None:
        """A hint for the unknown op NAME."""
        close = closest(name, self._dialects.ops)
        if close:
            return f"is {close} meant?"
        known = self._dialects.knows(name.partition(".")[0])
        return None if known else "no file has registered it; custom ops are loaded by --ops FILE.py"

    def _attributes(self, cls: type[Operation], record: OpRecord) -> dict[str, object]:
        for reserved in ("types", "regions", "loc"):
            if reserved in record.attributes:
                raise self._misplaced(f"'{reserved}' is not an attribute", record, AttributeNameAt(reserved))
        if record.symbol is None:
            return record.attributes
        if cls.spec.symbol is None:
            raise self._misplaced(f"{record.name} takes no @{record.symbol}", record)
        return {**record.attributes, cls.spec.symbol: record.symbol}

    def _misplaced(self, message: str, record: OpRecord, part: Part | None = None) -> IRError:
        """An error about a PART of RECORD that its op does not have; about its @symbol if PART is absent."""
        anatomy = operation_anatomy(self._source.text, record.token.start_pos or 0)
        stretch = anatomy.symbol if part is None else anatomy.of(part)
        return text_error(message, self._source.span(*(stretch or anatomy.name)))

    def _region(self, arguments: list[ArgumentRecord], ops: list[OpRecord], scope: _Scope) -> Region:
        block = Block()
        self._fill(block, arguments, ops, _Scope(self._source, scope))
        return Region(block)


def _names(function: Function, record: FunctionRecord, key: str) -> list[str]:
    """The names that the attribute KEY, a list of strings, gives the arguments or results of FUNCTION."""
    try:
        return list(STRINGS.decode(record.attributes.get(key, [])))
    except AttributeError_ as error:
        raise function_error(function, f"attribute '{key}': {error}", at=AttributeAt(key)) from None


def build_module(
    record: ModuleRecord, dialects: DialectSet, weights: ResourceTable, source: SourceText
) -> Module:
    """The module for RECORD, with its weights from WEIGHTS. Raises IRError, located in SOURCE."""
    builder = _Builder(dialects, source)
    module = Module(record.name, resources=weights)
    for each in record.sizes:
        builder.size(module, each)
    builder.check_signs(module, record.sizes)
    for function in record.functions:
        module.add(builder.function(function))
    if not module.functions:
        message = f"module @{record.name} has no function"
        raise text_error(message, source.end(), "add `func @main(...)`")
    return module
