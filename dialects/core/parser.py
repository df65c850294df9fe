"""Reads IR text of any level back into a module.

The grammar's actions make plain records bottom-up while parsing (no recursion, so deep nesting
cannot overflow the stack); `builder.py` then turns the records into operations.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib import resources
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from ...errors import IRError
from . import affine
from .attributes import Name, dense_from_numbers
from .builder import build_module
from .constraints import ARITIES, RELATIONS, Constraint, Derived, Determined
from .diagnostics import text_error
from .dialect import DialectSet
from .dtypes import DTYPES
from .ir import Module, SymbolRange
from .location import UNKNOWN, Location, Span
from .records import (
    ArgumentRecord,
    ConstraintRecord,
    DeterminedRecord,
    FunctionRecord,
    ModuleRecord,
    OpRecord,
    SourceText,
    SymbolRecord,
)
from .resources import ResourceTable
from .types import CHANNELS_LAST_NAMES, Layout, TensorType, channels_last

MAX_NESTING = 64


def parse_module(
    text: str, dialects: DialectSet, weights: ResourceTable | None = None, file: str = "<ir>"
) -> Module:
    """The module that TEXT describes; IRError with file, line, column and a caret otherwise."""
    source = SourceText(file, text.split("\n"))
    _check_nesting(source)
    try:
        record: Any = _grammar().parse(text, start="start")
    except UnexpectedInput as error:
        raise _syntax_error(error, source) from None
    except _Misfit as error:
        raise text_error(error.message, source.span(error.token), error.hint) from None
    assert isinstance(record, ModuleRecord)
    return build_module(record, dialects, ResourceTable() if weights is None else weights, source)


def parse_size(text: str) -> affine.Dim:
    """The size that TEXT is in the language of the IR: 4, N, 2*h+1, floordiv(W, 2). IRError otherwise."""
    source = SourceText("<size>", text.split("\n"))
    _check_nesting(source)
    try:
        return _dim(_grammar().parse(text, start="sum"))
    except UnexpectedInput as error:
        raise _syntax_error(error, source) from None


class _Misfit(Exception):
    """Text of the right form that means nothing; raised by the grammar's actions."""

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


_BRACKETS = re.compile(r"[{(\[<})\]>]")


def _check_nesting(source: SourceText) -> None:
    depth = 0
    for number, line in enumerate(source.lines, 1):
        for match in _BRACKETS.finditer(line):
            depth += 1 if match[0] in "{([<" else -1
            if depth > MAX_NESTING:
                span = Span(source.file, number, match.start() + 1, 1, line[:200])
                raise text_error(f"nested deeper than {MAX_NESTING} levels", span)


def _syntax_error(error: UnexpectedInput, text: SourceText) -> IRError:
    lines = text.lines
    line = error.line if error.line and error.line > 0 else len(lines)
    column = error.column if error.column and error.column > 0 else 1
    token = getattr(error, "token", None)
    found = repr(str(token)) if token else "the end of the text" if token is not None else "this character"
    wanted = sorted(getattr(error, "accepts", None) or getattr(error, "expected", None) or ())
    hint = f"here one of these may stand: {', '.join(wanted[:8])}" if wanted else None
    source = lines[min(line, len(lines)) - 1] if lines else ""
    length = len(str(token)) if token else 1
    return text_error(f"{found} is not expected here", Span(text.file, line, column, length, source), hint)


@v_args(inline=True)
class _Records(Transformer):  # type: ignore[misc]  # lark is untyped here
    """The grammar's actions: rules to records and values."""

    # ------------------------------------------------------------ structure

    def start(self, module: ModuleRecord) -> ModuleRecord:
        return module

    def module(self, name: Token, *items: Any) -> ModuleRecord:
        sizes = [item for item in items if not isinstance(item, FunctionRecord)]
        functions = [item for item in items if isinstance(item, FunctionRecord)]
        return ModuleRecord(str(name)[1:], sizes, functions)

    def symbol_range(
        self, name: Token, derived: Derived | None, low: Any, mid: Any, high: Any
    ) -> SymbolRecord:
        numbers = [end for end in (low, mid, high) if isinstance(end, int)]
        if len(numbers) != 3 or not numbers[0] <= numbers[1] <= numbers[2]:
            raise _Misfit(f"the range of {name} must grow: minimum, optimum, maximum", name)
        if numbers[0] < 0 and derived is None:
            raise _Misfit(f"the size {name} cannot be negative", name)
        return SymbolRecord(str(name), name, derived, SymbolRange(*numbers))

    def derived(self, function: Token, *operands: Any) -> Derived:
        if ARITIES.get(str(function)) != len(operands):
            known = ", ".join(f"{name} of {count}" for name, count in ARITIES.items())
            message = f"no size is derived by {function} of {len(operands)}"
            raise _Misfit(message, function, f"there are {known}")
        return Derived(str(function), tuple(_dim(operand) for operand in operands))

    def determined(
        self, name: Token, dim: Any, why: Token | None, location: Location | None
    ) -> DeterminedRecord:
        text = "" if why is None else _unquote(why)
        return DeterminedRecord(str(name), name, Determined(_dim(dim), text, location or UNKNOWN))

    def constraint(
        self, left: Any, relation: Token, right: Any, why: Token | None, location: Location | None
    ) -> ConstraintRecord:
        text = "" if why is None else _unquote(why)
        found = next(each for each in RELATIONS if each == str(relation))
        return ConstraintRecord(
            relation, Constraint(_dim(left), found, _dim(right), text, location or UNKNOWN)
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

    def value_list(self, *tokens: Token) -> list[tuple[str, Span]]:
        return [(str(token)[1:], token) for token in tokens]

    def operand_list(self, *items: Any) -> list[Any]:
        return list(items)

    def operand(self, token: Token) -> tuple[str | None, Span]:
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
        return dict(item for item in items if item is not None)

    def attribute(self, name: Token, value: Any) -> tuple[str, Any]:
        return (str(name), value)

    def float_number(self, token: Token) -> float:
        return float(token)

    def negative_float(self, token: Token) -> float:
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
        shape = tuple(affine.evaluate(dim, {}) for dim in items[:at])
        numbers = [item for item in items[at + 1 :] if item is not None]
        try:
            return dense_from_numbers(shape, DTYPES[str(items[at])], numbers)
        except (ValueError, OverflowError) as error:
            raise _Misfit(str(error), items[at]) from None

    def dense_int(self, token: Token) -> int:
        return int(token)

    def dense_hex(self, token: Token) -> int:
        return int(token, 16)

    def dense_float(self, token: Token) -> float:
        return float(token)

    # ------------------------------------------------------------ types

    def type(self, *items: Any) -> TensorType:
        at = next(i for i, item in enumerate(items) if isinstance(item, Token))
        layout = items[at + 1] if items[at + 1] is not None else Layout()
        result = TensorType(tuple(items[:at]), DTYPES[str(items[at])])
        if layout == "channels_last":
            layout = channels_last(result.rank)
        self._check_layout(layout, result.rank, items[at])
        row_major = layout.order == tuple(range(result.rank))
        return result.with_layout(Layout() if row_major else layout)

    def _check_layout(self, layout: Layout, rank: int, at: Token) -> None:
        if layout.order and sorted(layout.order) != list(range(rank)):
            raise _Misfit(f"the layout does not order the {rank} dimensions", at)
        if layout.strides and len(layout.strides) != rank:
            raise _Misfit(f"{len(layout.strides)} strides for {rank} dimensions", at)

    def static_dim(self, token: Token) -> int:
        return int(token[:-1])

    def symbol_dim(self, token: Token) -> affine.Dim:
        return affine.symbol(str(token)[:-1])

    def paren_dim(self, value: Any, _close: Token) -> affine.Dim:
        return _dim(value)

    def named_layout(self, token: Token) -> str:
        if str(token) not in (*CHANNELS_LAST_NAMES.values(), "channels_last"):
            raise _Misfit(f"the layout '{token}' is not known", token)
        return "channels_last"

    def order_layout(self, *axes: Token) -> Layout:
        return Layout(tuple(int(axis) for axis in axes))

    def strided_layout(self, *items: Any) -> Layout:
        *strides, offset = [_dim(item) for item in items if item is not None]
        return Layout(strides=tuple(strides), offset=offset)

    # ------------------------------------------------------------ symbolic integers

    def int(self, token: Token) -> int:
        return int(token)

    def name(self, token: Token) -> Any:
        return {"true": True, "false": False}.get(str(token), Name(str(token)))

    def negate(self, value: Any) -> affine.Dim:
        return _dim(value) * -1

    def add(self, a: Any, b: Any) -> affine.Dim:
        return _dim(a) + _dim(b)

    def subtract(self, a: Any, b: Any) -> affine.Dim:
        return _dim(a) - _dim(b)

    def multiply(self, a: Any, b: Any) -> affine.Dim:
        return _dim(a) * _dim(b)

    def floordiv(self, a: Any, b: Any) -> affine.Dim:
        divisor = _dim(b)
        if isinstance(divisor, int) and divisor <= 0:
            raise IRError(f"floordiv by {divisor}", "the divisor must be positive")
        return affine.floordiv(_dim(a), divisor)


def _dim(value: Any) -> affine.Dim:
    if isinstance(value, Name):
        return affine.symbol(value.text)
    if isinstance(value, bool) or not isinstance(value, (int, affine.Affine)):
        raise IRError(f"{value!r} is not a symbolic integer")
    return value


def _unquote(token: Any) -> str:
    return str(json.loads(str(token)))
