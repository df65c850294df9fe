"""The grammar's actions: from rules to records and values, bottom-up while the text is parsed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lark import Token, Transformer, v_args

from ...runtime.cuts import Cut
from . import affine
from .affine_traversal import measure
from .attributes import Name
from .constraints import ARITIES, RELATIONS, Constraint, Derived, Determined
from .dense_text import dense_from_text
from .dtypes import DTYPES
from .literals import (
    MAX_FACTORS,
    MAX_PARTS,
    TOO_LARGE,
    Misfit,
    as_dim,
    integer,
    size_of,
    unquoted,
    within_limits,
)
from .location import UNKNOWN, Location
from .module import SymbolRange, Unpadded
from .records import (
    ArgumentRecord,
    ConstraintRecord,
    ContentRecord,
    CutRecord,
    DefaultRecord,
    DeterminedRecord,
    FunctionRecord,
    ModuleRecord,
    OpRecord,
    SymbolRecord,
    UnpaddedRecord,
    UnrankedRecord,
)
from .types import CHANNELS_LAST_NAMES, Layout, TensorType, channels_last


@v_args(inline=True)
class Records(Transformer):  # type: ignore[misc]  # lark is untyped here
    """A method for each rule of `grammar.lark`. Raises Misfit for text without meaning."""

    # ------------------------------------------------------------ structure

    def start(self, module: ModuleRecord) -> ModuleRecord:
        return module

    def module(self, name: Token, *items: Any) -> ModuleRecord:
        sizes = [item for item in items if not isinstance(item, FunctionRecord)]
        functions = [item for item in items if isinstance(item, FunctionRecord)]
        _once((size.token for size in sizes if isinstance(size, SymbolRecord)), "symbol")
        _once((size.token for size in sizes if isinstance(size, ContentRecord)), "content of")
        _once((size.token for size in sizes if isinstance(size, DefaultRecord)), "default of")
        _once((size.token for size in sizes if isinstance(size, UnrankedRecord)), "unranked")
        masks = [size for size in sizes if isinstance(size, UnpaddedRecord)]
        if len(masks) > 1:
            raise Misfit("two masks of unpadded tokens are given", masks[1].token, "a module has one batch")
        _once((function.token for function in functions), "function")
        return ModuleRecord(str(name)[1:], sizes, functions)

    def symbol_range(
        self, name: Token, derived: Derived | None, low: int, middle: int, high: int
    ) -> SymbolRecord:
        if not low <= middle <= high:
            raise Misfit(f"the range of {name} must grow: minimum, optimum, maximum", name)
        return SymbolRecord(str(name), name, derived, SymbolRange(low, middle, high))

    def end(self, minus: Token | None, token: Token) -> int:
        return size_of(token) * (1 if minus is None else -1)

    def derived(self, function: Token, *operands: Any) -> Derived:
        if ARITIES.get(str(function)) != len(operands):
            known = ", ".join(f"{name} of {count}" for name, count in ARITIES.items())
            message = f"no size is derived by {function} of {len(operands)}"
            raise Misfit(message, function, f"there are {known}")
        return Derived(str(function), tuple(as_dim(operand, function) for operand in operands))

    def content(self, name: Token, *dims: Any) -> ContentRecord:
        held = tuple(as_dim(dim, name) for dim in dims if dim is not None)
        return ContentRecord(unquoted(name), name, held)

    def default(self, name: Token, weight: Token) -> DefaultRecord:
        return DefaultRecord(unquoted(name), name, str(weight)[1:])

    def unranked(self, output: Token, input: Token) -> UnrankedRecord:
        return UnrankedRecord(unquoted(output), output, unquoted(input))

    def unpadded(self, mask: Token, *outputs: tuple[Token, tuple[int, ...]] | None) -> UnpaddedRecord:
        padded = [output for output in outputs if output is not None]
        _once((name for name, _ in padded), "padded output")
        return UnpaddedRecord(Unpadded(unquoted(mask), {unquoted(name): axes for name, axes in padded}), mask)

    def padded(self, output: Token, *axes: Token) -> tuple[Token, tuple[int, ...]]:
        return output, tuple(map(int, axes))

    def cut(self, output: Token, axis: Token, count: Token) -> CutRecord:
        return CutRecord(output, Cut(unquoted(output), int(axis), unquoted(count)))

    def determined(
        self, name: Token, dim: Any, why: Token | None, location: Location | None
    ) -> DeterminedRecord:
        text = "" if why is None else unquoted(why)
        return DeterminedRecord(str(name), name, Determined(as_dim(dim, name), text, location or UNKNOWN))

    def constraint(
        self, left: Any, relation: Token, right: Any, why: Token | None, location: Location | None
    ) -> ConstraintRecord:
        text = "" if why is None else unquoted(why)
        found = next(each for each in RELATIONS if each == str(relation))
        return ConstraintRecord(
            relation,
            Constraint(as_dim(left, relation), found, as_dim(right, relation), text, location or UNKNOWN),
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
        return [unquoted(text) for text in strings]

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
        return unquoted(token)

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
            raise Misfit("the sizes of dense<> are numbers", items[at])
        try:
            return dense_from_text(shape, DTYPES[str(items[at])], str(items[at + 1] or ""))
        except (ValueError, OverflowError) as error:
            raise Misfit(str(error), items[at]) from None

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
            raise Misfit(f"the layout does not order the {rank} dimensions", at)
        if layout.strides and len(layout.strides) != rank:
            raise Misfit(f"{len(layout.strides)} strides for {rank} dimensions", at)

    def static_dim(self, token: Token) -> int:
        return size_of(token, token[:-1])

    def symbol_dim(self, token: Token) -> affine.Dim:
        return affine.symbol(str(token)[:-1])

    def paren_dim(self, value: Any, close: Token) -> affine.Dim:
        return as_dim(value, close)

    def named_layout(self, token: Token) -> str:
        if str(token) not in (*CHANNELS_LAST_NAMES.values(), "channels_last"):
            raise Misfit(f"the layout '{token}' is not known", token)
        return "channels_last"

    def order_layout(self, *axes: Token) -> Layout:
        return Layout(tuple(integer(axis) for axis in axes))

    def strided_layout(self, at: Token, *items: Any) -> Layout:
        *strides, offset = [as_dim(item, at) for item in items if item is not None]
        return Layout(strides=tuple(strides), offset=offset)

    # ------------------------------------------------------------ symbolic integers

    def int(self, token: Token) -> int:
        return integer(token)

    def name(self, token: Token) -> Any:
        return {"true": True, "false": False}.get(str(token), Name(str(token)))

    def negate(self, minus: Token, value: Any) -> affine.Dim:
        return as_dim(value, minus) * -1

    def added(self, first: Any, *rest: Any) -> affine.Dim:
        signs, others = rest[::2], rest[1::2]
        parts = [as_dim(value, sign) * (-1 if sign == "-" else 1) for sign, value in _pairs(signs, others)]
        return within_limits(affine.total([as_dim(first, signs[0]), *parts]), signs[0], MAX_PARTS)

    def multiplied(self, result: Any, *rest: Any) -> affine.Dim:
        for sign, value in _pairs(rest[::2], rest[1::2]):
            one, other = as_dim(result, sign), as_dim(value, sign)
            if measure(one)[0] * measure(other)[0] > MAX_FACTORS:
                raise Misfit(TOO_LARGE, sign)
            result = within_limits(one * other, sign, MAX_FACTORS)
        return as_dim(result, rest[0])

    def floordiv(self, at: Token, a: Any, b: Any) -> affine.Dim:
        dividend, divisor = as_dim(a, at), as_dim(b, at)
        try:
            return within_limits(affine.floordiv(dividend, divisor), at, MAX_PARTS)
        except ZeroDivisionError:
            raise Misfit(f"floordiv by {divisor}", at, "the divisor must be positive") from None


def _pairs(signs: Sequence[Token], values: Sequence[Any]) -> Iterator[tuple[Token, Any]]:
    return zip(signs, values, strict=True)


def _once(names: Iterable[Token], what: str) -> None:
    """Raise an error for a name that occurs twice."""
    known: set[str] = set()
    for name in names:
        if str(name) in known:
            raise Misfit(f"the {what} {name} is given twice", name)
        known.add(str(name))
