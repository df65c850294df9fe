"""Parses IR text of any level into a module.

The grammar's actions build plain records bottom-up while parsing (without recursion, so that deep nesting
cannot overflow the stack); `builder.py` turns the records into operations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.lexer import TerminalDef

from ...runtime.cuts import Cut
from . import affine
from .attributes import Name, dense_from_text
from .builder import build_module
from .constraints import ARITIES, RELATIONS, Constraint, Derived, Determined
from .diagnostics import text_error
from .dialect import DialectSet
from .dtypes import DTYPES
from .ir import Module, SymbolRange
from .location import UNKNOWN, Location
from .records import (
    ArgumentRecord,
    ConstraintRecord,
    ContentRecord,
    CutRecord,
    DeterminedRecord,
    FunctionRecord,
    ModuleRecord,
    OpRecord,
    SymbolRecord,
)
from .resources import ResourceTable
from .source_text import BRACKETS, SourceText
from .syntax_errors import syntax_error
from .types import CHANNELS_LAST_NAMES, Layout, TensorType, channels_last

MAX_NESTING = 64
MAX_PARTS = 4096  # atoms and terms of one symbolic integer
MAX_FACTORS = 256  # of a product, counting the terms that multiplying it out may give
MAX_DIGITS = 20  # of a 64-bit integer
MAX_SIZE = 2**40  # of a dimension; plans hold no larger one
TOO_LARGE = "a symbolic integer has too many terms, or numbers of more than 64 bits"


def parse_module(
    text: str, dialects: DialectSet, weights: ResourceTable | None = None, file: str = "<ir>"
) -> Module:
    """The module in TEXT. Raises IRError with file, line, column and a caret.

    WEIGHTS resolves weight names; FILE is the name of the text in errors.
    """
    source = SourceText(file, text)
    record: Any = _parsed(source, "start")
    assert isinstance(record, ModuleRecord)
    return build_module(record, dialects, ResourceTable() if weights is None else weights, source)


def parse_size(text: str) -> affine.Dim:
    """Parse a size in IR syntax: 4, N, 2*h+1, floordiv(W, 2). Raises IRError."""
    source = SourceText("<size>", text)
    try:
        return _dim(_parsed(source, "sum"), Token("TEXT", text, 0, end_pos=len(text)))
    except _Misfit as error:
        raise text_error(error.message, source.span_of(error.token), error.hint) from None


def _parsed(source: SourceText, start: str) -> Any:
    """Parse the text from the grammar's rule START. Raises IRError."""
    _check_nesting(source)
    try:
        return _grammar().parse(source.text, start=start)
    except UnexpectedInput as error:
        raise syntax_error(error, source, terminals()) from None
    except _Misfit as error:
        raise text_error(error.message, source.span_of(error.token), error.hint) from None


class _Misfit(Exception):
    """Text that matches the grammar but has no meaning; raised by the grammar's actions."""

    def __init__(self, message: str, token: Token, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.token = token
        self.hint = hint


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    text = resources.files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        start=["start", "sum"],
        parser="lalr",
        maybe_placeholders=True,
        propagate_positions=False,
        transformer=_Records(),
    )


def terminals() -> list[TerminalDef]:
    """The terminals of the grammar, including ignored ones."""
    found: list[TerminalDef] = _grammar().terminals
    return found


def _check_nesting(source: SourceText) -> None:
    depth = 0
    for match in BRACKETS.finditer(source.text):
        if match[1]:
            depth += 1
        elif len(match[0]) == 1:
            depth -= 1
        if depth > MAX_NESTING:
            raise text_error(f"nested deeper than {MAX_NESTING} levels", source.span(*match.span()))


@v_args(inline=True)
class _Records(Transformer):  # type: ignore[misc]  # lark is untyped here
    """The grammar's actions: from rules to records and values."""

    # ------------------------------------------------------------ structure

    def start(self, module: ModuleRecord) -> ModuleRecord:
        return module

    def module(self, name: Token, *items: Any) -> ModuleRecord:
        sizes = [item for item in items if not isinstance(item, FunctionRecord)]
        functions = [item for item in items if isinstance(item, FunctionRecord)]
        _once((size.token for size in sizes if isinstance(size, SymbolRecord)), "symbol")
        _once((size.token for size in sizes if isinstance(size, ContentRecord)), "content of")
        _once((function.token for function in functions), "function")
        return ModuleRecord(str(name)[1:], sizes, functions)

    def symbol_range(
        self, name: Token, derived: Derived | None, low: int, middle: int, high: int
    ) -> SymbolRecord:
        if not low <= middle <= high:
            raise _Misfit(f"the range of {name} must grow: minimum, optimum, maximum", name)
        return SymbolRecord(str(name), name, derived, SymbolRange(low, middle, high))

    def end(self, minus: Token | None, token: Token) -> int:
        return _size(token) * (1 if minus is None else -1)

    def derived(self, function: Token, *operands: Any) -> Derived:
        if ARITIES.get(str(function)) != len(operands):
            known = ", ".join(f"{name} of {count}" for name, count in ARITIES.items())
            message = f"no size is derived by {function} of {len(operands)}"
            raise _Misfit(message, function, f"there are {known}")
        return Derived(str(function), tuple(_dim(operand, function) for operand in operands))

    def content(self, name: Token, *dims: Any) -> ContentRecord:
        held = tuple(_dim(dim, name) for dim in dims if dim is not None)
        return ContentRecord(_unquote(name), name, held)

    def cut(self, output: Token, axis: Token, count: Token) -> CutRecord:
        return CutRecord(output, Cut(_unquote(output), int(axis), _unquote(count)))

    def determined(
        self, name: Token, dim: Any, why: Token | None, location: Location | None
    ) -> DeterminedRecord:
        text = "" if why is None else _unquote(why)
        return DeterminedRecord(str(name), name, Determined(_dim(dim, name), text, location or UNKNOWN))

    def constraint(
        self, left: Any, relation: Token, right: Any, why: Token | None, location: Location | None
    ) -> ConstraintRecord:
        text = "" if why is None else _unquote(why)
        found = next(each for each in RELATIONS if each == str(relation))
        return ConstraintRecord(
            relation,
            Constraint(_dim(left, relation), found, _dim(right, relation), text, location or UNKNOWN),
        )

    def function(self, name: Token, *items: Any) -> FunctionRecord:
        arguments = [item for item in items if isinstance(item, ArgumentRecord)]
        types = [item for item in items if isinstance(item, TensorType)]
        attributes = next(item for item in items if isinstance(item, dict))
        ops = [item for item in items if isinstance(item, OpRecord)]
        return FunctionRecord(str(name)[1:], arguments, types, attributes, ops, name)

    def argument(self, name: Token, type: TensorType) -> ArgumentRecord:
        return ArgumentRecord(str(name)[1:], type, name)

    def op(self, results: Any, name: Token, symbol: Any, operands: Any, attributes: Any, types: Any,
           location: Any, regions: Any) -> OpRecord:  # fmt: skip
        return OpRecord(
            name=str(name),
            token=name,
            results=results or [],
            symbol=str(symbol)[1:] if symbol is not None else None,
            operands=operands or [],
            attributes=attributes or {},
            types=types or [],
            location=location or UNKNOWN,
            regions=regions or [],
        )

    def value_list(self, *tokens: Token) -> list[tuple[str, Token]]:
        return [(str(token)[1:], token) for token in tokens]

    def operand_list(self, *items: Any) -> list[Any]:
        return list(items)

    def operand(self, token: Token) -> tuple[str | None, Token]:
        return (None if token.type == "ABSENT" else str(token)[1:], token)

    def type_list(self, *types: TensorType) -> list[TensorType]:
        return list(types)

    def location(self, nodes: list[str], tensors: list[str] | None) -> Location:
        return Location(tuple(nodes), None, tuple(tensors or ()))

    def strings(self, *strings: Token) -> list[str]:
        return [_unquote(text) for text in strings]

    def body(self, *regions: Any) -> list[Any]:
        return list(regions)

    def region(self, *items: Any) -> tuple[list[ArgumentRecord], list[OpRecord]]:
        arguments = [item for item in items if isinstance(item, ArgumentRecord)]
        return arguments, [item for item in items if isinstance(item, OpRecord)]

    # ------------------------------------------------------------ attribute values

    def attributes(self, *items: Any) -> dict[str, Any]:
        pairs = [item for item in items if item is not None]
        _once((name for name, _ in pairs), "attribute")
        return {str(name): value for name, value in pairs}

    def attribute(self, name: Token, value: Any) -> tuple[Token, Any]:
        return (name, value)

    def float_number(self, token: Token) -> float:
        return float(token)

    def negative_float(self, _minus: Token, token: Token) -> float:
        return -float(token)

    def string(self, token: Token) -> str:
        return _unquote(token)

    def at_name(self, token: Token) -> str:
        return str(token)[1:]

    def list(self, *items: Any) -> list[Any]:
        return [item for item in items if item is not None]

    def table(self, table: dict[str, Any]) -> dict[str, Any]:
        return table

    def dense(self, *items: Any) -> Any:
        at = next(i for i, item in enumerate(items) if isinstance(item, Token) and item.type == "DTYPE")
        shape = items[:at]
        if any(isinstance(dim, affine.Affine) for dim in shape):
            raise _Misfit("the sizes of dense<> are numbers", items[at])
        try:
            return dense_from_text(shape, DTYPES[str(items[at])], str(items[at + 1] or ""))
        except (ValueError, OverflowError) as error:
            raise _Misfit(str(error), items[at]) from None

    # ------------------------------------------------------------ types

    def type(self, *items: Any) -> TensorType:
        at = next(i for i, item in enumerate(items) if isinstance(item, Token))
        layout = items[at + 1] if items[at + 1] is not None else Layout()
        result = TensorType(tuple(items[:at]), DTYPES[str(items[at])])
        if layout == "channels_last":
            layout = channels_last(result.rank)
        self._check_layout(layout, result.rank, items[at])
        row_major = layout.is_dense and layout.order == tuple(range(result.rank))
        return result.with_layout(Layout() if row_major else layout)

    def _check_layout(self, layout: Layout, rank: int, at: Token) -> None:
        if layout.order and sorted(layout.order) != list(range(rank)):
            raise _Misfit(f"the layout does not order the {rank} dimensions", at)
        if layout.strides and len(layout.strides) != rank:
            raise _Misfit(f"{len(layout.strides)} strides for {rank} dimensions", at)

    def static_dim(self, token: Token) -> int:
        return _size(token, token[:-1])

    def symbol_dim(self, token: Token) -> affine.Dim:
        return affine.symbol(str(token)[:-1])

    def paren_dim(self, value: Any, close: Token) -> affine.Dim:
        return _dim(value, close)

    def named_layout(self, token: Token) -> str:
        if str(token) not in (*CHANNELS_LAST_NAMES.values(), "channels_last"):
            raise _Misfit(f"the layout '{token}' is not known", token)
        return "channels_last"

    def order_layout(self, *axes: Token) -> Layout:
        return Layout(tuple(_integer(axis) for axis in axes))

    def strided_layout(self, at: Token, *items: Any) -> Layout:
        *strides, offset = [_dim(item, at) for item in items if item is not None]
        return Layout(strides=tuple(strides), offset=offset)

    # ------------------------------------------------------------ symbolic integers

    def int(self, token: Token) -> int:
        return _integer(token)

    def name(self, token: Token) -> Any:
        return {"true": True, "false": False}.get(str(token), Name(str(token)))

    def negate(self, minus: Token, value: Any) -> affine.Dim:
        return _dim(value, minus) * -1

    def added(self, first: Any, *rest: Any) -> affine.Dim:
        signs, others = rest[::2], rest[1::2]
        parts = [_dim(value, sign) * (-1 if sign == "-" else 1) for sign, value in _pairs(signs, others)]
        return _sane(affine.total([_dim(first, signs[0]), *parts]), signs[0], MAX_PARTS)

    def multiplied(self, result: Any, *rest: Any) -> affine.Dim:
        for sign, value in _pairs(rest[::2], rest[1::2]):
            one, other = _dim(result, sign), _dim(value, sign)
            if affine.measure(one)[0] * affine.measure(other)[0] > MAX_FACTORS:
                raise _Misfit(TOO_LARGE, sign)
            result = _sane(one * other, sign, MAX_FACTORS)
        return _dim(result, rest[0])

    def floordiv(self, at: Token, a: Any, b: Any) -> affine.Dim:
        dividend, divisor = _dim(a, at), _dim(b, at)
        try:
            return _sane(affine.floordiv(dividend, divisor), at, MAX_PARTS)
        except ZeroDivisionError:
            raise _Misfit(f"floordiv by {divisor}", at, "the divisor must be positive") from None


def _pairs(signs: Sequence[Token], values: Sequence[Any]) -> Iterator[tuple[Token, Any]]:
    return zip(signs, values, strict=True)


def _once(names: Iterable[Token], what: str) -> None:
    """Raise an error for a name that occurs twice."""
    known: set[str] = set()
    for name in names:
        if str(name) in known:
            raise _Misfit(f"the {what} {name} is given twice", name)
        known.add(str(name))


def _integer(token: Token, digits: str | None = None) -> int:
    """The integer in TOKEN (or in DIGITS, a part of it); it must fit 64 bits."""
    text = str(token) if digits is None else digits
    if len(text) > MAX_DIGITS or int(text) >= 2**64:
        raise _Misfit("an integer of 64 bits is expected", token)
    return int(text)


def _size(token: Token, digits: str | None = None) -> int:
    """The size of a dimension in TOKEN, in elements."""
    size = _integer(token, digits)
    if size > MAX_SIZE:
        raise _Misfit(f"a size of {size} is more than the limit of {MAX_SIZE}", token)
    return size


def _dim(value: Any, at: Token) -> affine.Dim:
    """VALUE as a symbolic integer; errors are located at AT."""
    if isinstance(value, Name):
        return affine.symbol(value.text)
    if isinstance(value, bool) or not isinstance(value, (int, affine.Affine)):
        raise _Misfit(f"{value!r} is not a symbolic integer", at)
    return value


def _sane(dim: affine.Dim, at: Token, most: int) -> affine.Dim:
    """DIM if it has at most MOST parts and no number of more than 64 bits, else an error."""
    parts, largest = affine.measure(dim)
    if parts > most or largest >= 2**64:
        raise _Misfit(TOO_LARGE, at)
    return dim


def _unquote(token: Token) -> str:
    try:
        text = str(json.loads(str(token)))
        text.encode()
    except UnicodeEncodeError:
        raise _Misfit("the string has an unpaired surrogate", token) from None
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise _Misfit(f"the string cannot be read: {reason}", token, "escapes are those of JSON") from None
    return text
