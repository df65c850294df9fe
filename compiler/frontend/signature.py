"""The inputs of a model: their types, and the symbols for their dynamic sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from onnx import GraphProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto

from ...dialects.core.affine import Affine, Dim, linear_symbol, substitute, symbol
from ...dialects.core.affine import symbols as symbols_in
from ...dialects.core.constraints import ARITIES
from ...dialects.core.contents import parts_of, readable
from ...dialects.core.dtypes import DTYPES, DType
from ...dialects.core.ir import SymbolRange
from ...dialects.core.parser import parse_size
from ...dialects.core.sizes.outcomes import Conflict
from ...dialects.core.sizes.sizes import Sizes
from ...dialects.core.types import TensorType
from ...errors import InputError, IRError, ModelError
from ...errors.option import option_error
from ...runtime.contents import FARTHEST, MOST_DENOMINATOR
from .contents import ANY, Contents, ElementRange, ElementRanges, named_in
from .limits import check_dim
from .problems import Malformed, Refused, shown
from .weights import element_type

DEFAULT_RANGE = (0, 8, 64)
MAX_SYMBOL_VALUE = 2**31 - 1

Overrides = Mapping[str, Sequence[int | str]]
SymbolRanges = Mapping[str, tuple[int, int, int]]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
# In a tensor type, an upper-case word before `x` parses as a dimension and a separator.
_LOOKS_LIKE_DIM = re.compile(r"[A-Z][A-Z0-9_]*x")
_GRAMMAR = (
    "module symbol content constraint determined broadcasts stretches in func loc dense tensor order strided "
    "floordiv"
)
_WORDS = frozenset(f"{_GRAMMAR} true false inf nan".split(" ")) | ARITIES.keys()


def _about_range(
    name: str, values: Sequence[object], message: str, hint: str | None = None, *, of_name: bool = False
) -> InputError:
    """An error about the range VALUES, given for the symbol NAME, or about the name (OF_NAME)."""
    return _about("shape", name, values, message, hint, of_name)


def _about_shape(
    name: str, sizes: Sequence[object], message: str, hint: str | None = None, *, of_name: bool = False
) -> InputError:
    """An error about the shape SIZES, given for the input NAME, or about the name (OF_NAME)."""
    return _about("input", name, sizes, message, hint, of_name)


def _about(
    option: str, name: str, values: Sequence[object], message: str, hint: str | None, of_name: bool
) -> InputError:
    """An error about NAME=VALUES as the command line has it."""
    listed = ",".join(map(str, values)) if isinstance(values, (list, tuple)) else str(values)
    text = f"{name}={listed}"
    at = (0, len(name)) if of_name else (len(name) + 1, len(text))
    return option_error(InputError, option, text, message, hint, at=at)


def is_plain(name: str) -> bool:
    """Whether NAME can be written in IR text as a symbol."""
    if not _PLAIN.fullmatch(name) or _LOOKS_LIKE_DIM.match(name):
        return False
    return name not in _WORDS and name not in DTYPES


class Symbols:
    """The symbols of one module, by their names in the model (dim_param)."""

    def __init__(
        self, sizes: Sizes, ranges: SymbolRanges, taken: set[str], widened: Mapping[str, int]
    ) -> None:
        self._module = sizes.module
        self._defaults = sizes.defaults
        self._unnamed = sizes.unnamed
        self._widened = widened
        self._ranges = dict(ranges)
        self._unused = set(ranges)
        self._taken = taken
        self._by_source: dict[str, str] = {}
        self._count = 0

    def named(self, source: str) -> Affine:
        """The symbol for a dim_param; the same text gives the same symbol."""
        if source not in self._by_source:
            name = source if is_plain(source) else self._fresh_name()
            self._by_source[source] = name
            self._declare(name, source)
        return symbol(self._by_source[source])

    def element(self, input: str, index: int, limits: ElementRange) -> Dim:
        """The symbol for an element of INPUT, which is expected in LIMITS; a number if they allow one."""
        name = self._element_name(f"{input}_{index}")
        limits, given = self._limits(f"{input}[{index}]", limits)
        if limits.low == limits.high:
            return limits.low
        if not given:
            self._defaults.add(name)
        high = limits.high if given else max(limits.high, self._widened.get(name, 0))
        self._module.symbols[name] = SymbolRange(limits.low, limits.usual, high)
        return symbol(name)

    def fraction(self, input: str, index: int, limits: ElementRange, sizes: Sizes) -> tuple[Dim, Dim]:
        """The symbols for numerator and denominator of an element of INPUT, which is expected in LIMITS."""
        limits, _ = self._limits(f"{input}[{index}]", limits)
        if limits.low == limits.high:
            return limits.low, 1
        over, under = (self._element_name(f"{input}_{index}{part}") for part in ("", "_d"))
        low, high = (end * MOST_DENOMINATOR for end in (min(limits.low, 0), max(limits.high, 0)))
        self._module.symbols[over] = SymbolRange(low, limits.usual, high)
        self._module.symbols[under] = SymbolRange(1, 1, MOST_DENOMINATOR)
        why = f"{input}[{index}] stays in its range"
        sizes.require_at_least(symbol(over), symbol(under) * limits.low, why)
        sizes.require_at_least(symbol(under) * limits.high, symbol(over), why)
        return symbol(over), symbol(under)

    def _element_name(self, wanted: str) -> str:
        taken = wanted in self._taken or wanted in self._module.symbols
        return self._fresh_name() if taken or not is_plain(wanted) else wanted

    def _limits(self, key: str, limits: ElementRange) -> tuple[ElementRange, bool]:
        """The range given for KEY, or LIMITS; whether it is given."""
        if key not in self._ranges:
            return limits, False
        self._unused.discard(key)
        return ElementRange(*self._checked(key, -FARTHEST)), True

    def fresh(self) -> Affine:
        """A new symbol for a size without a name."""
        name = self._fresh_name()
        self._declare(name, name)
        self._unnamed.add(name)
        return symbol(name)

    def _fresh_name(self) -> str:
        while True:
            name = f"D{self._count}"
            self._count += 1
            if name not in self._taken:
                return name

    def _declare(self, name: str, source: str) -> None:
        given = next((key for key in (name, source) if key in self._ranges), None)
        low, middle, high = self._default(name) if given is None else self._checked(given)
        self._unused.discard(given or "")
        self._module.symbols[name] = SymbolRange(low, middle, high)
        if given is None:
            self._defaults.add(name)

    def _default(self, name: str) -> tuple[int, int, int]:
        """The default range, widened as far as it has to reach."""
        low, middle, high = DEFAULT_RANGE
        return low, middle, max(high, self._widened.get(name, 0))

    def _checked(self, key: str, least: int = 0) -> tuple[int, int, int]:
        values = tuple(self._ranges[key])
        if len(values) != 3 or not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            message = f"the range of {shown(key)} must be three integers: min, opt, max"
            raise _about_range(key, values, message)
        low, middle, high = values
        if not least <= low <= middle <= high <= MAX_SYMBOL_VALUE:
            message = f"the range {list(values)} of {shown(key)} is not {least} <= min <= opt <= max"
            raise _about_range(key, values, message)
        return low, middle, high

    def check_all_used(self) -> None:
        """Raise InputError for the range of a symbol that the model does not have."""
        if self._unused:
            known = ", ".join(self._module.symbols) or "none"
            wrong = ", ".join(shown(name) for name in sorted(self._unused))
            first = min(self._unused)
            message, hint = f"no input has the symbolic dimension {wrong}", f"symbolic dimensions: {known}"
            raise _about_range(first, self._ranges[first], message, hint, of_name=True)


def input_types(
    inputs: Sequence[ValueInfoProto],
    overrides: Overrides,
    ranges: SymbolRanges,
    sizes: Sizes,
    widened: Mapping[str, int],
    read: Contents,
) -> tuple[dict[str, TensorType], list[str]]:
    """The type of every input by name, and messages about inputs whose type is not supported. The contents
    of the inputs in READ, and of those that RANGES name elements of, are declared.

    Raises InputError for overrides and ranges that do not match the model, ModelError for an invalid input.
    """
    unknown = [name for name in overrides if name not in {value.name for value in inputs}]
    if unknown:
        known = ", ".join(shown(value.name) for value in inputs) or "none"
        message, hint = f"the model has no input {shown(unknown[0])}", f"its inputs: {known}"
        raise _about_shape(unknown[0], overrides[unknown[0]], message, hint, of_name=True)
    symbols = Symbols(sizes, ranges, _plain_names(inputs, overrides), widened)
    types: dict[str, TensorType] = {}
    offenders: list[str] = []
    for value in inputs:
        try:
            types[value.name] = _input_type(value, overrides.get(value.name), symbols)
        except Refused as error:
            offenders.append(f"input {shown(value.name)}: {error}")
        except Malformed as error:
            raise ModelError(f"input {shown(value.name)}: {error}") from None
    for name in named_in(ranges) - read.keys():
        if name in types and readable(types[name]):
            read = {**read, name: ()}
    for name, expected in read.items():
        _declare_content(name, types[name], expected, symbols, sizes)
    symbols.check_all_used()
    _check_told(types)
    for name, type in types.items():
        _require_sizes(name, type, sizes)
    return types, offenders


def _declare_content(
    name: str, type: TensorType, ranges: ElementRanges, symbols: Symbols, sizes: Sizes
) -> None:
    """Declare what the input NAME holds: a symbol per element, expected in its one of RANGES."""
    found: list[Dim] = []
    for index, limits in enumerate(ranges or [ANY] * int(str(type.elements))):
        if limits.fractions:
            found += symbols.fraction(name, index, limits, sizes)
        else:
            found += [symbols.element(name, index, limits), *[1] * (parts_of(type) - 1)]
    sizes.module.contents[name] = tuple(found)


def _check_told(types: Mapping[str, TensorType]) -> None:
    """Raise InputError for a symbol whose value cannot be derived from the sizes of the inputs."""
    found = [(name, dim) for name, type in types.items() for dim in type.shape]
    told = {linear[0] for _, dim in found if (linear := linear_symbol(dim)) is not None}
    for name, dim in found:
        untold = sorted(symbols_in(dim) - told)
        if untold:
            raise InputError(
                f"the size {dim}, given for input {shown(name)}, does not determine {untold[0]}",
                f"one size must be {untold[0]}, or a number times {untold[0]} plus a number",
            )


def _require_sizes(name: str, type: TensorType, sizes: Sizes) -> None:
    """Require that no size of the input NAME is negative. Raises InputError where one always is."""
    for dim in type.shape:
        try:
            sizes.require_at_least(dim, 0, f"no size of the input {shown(name)} is negative")
        except Conflict as error:
            raise InputError(f"input {shown(name)}: {error}") from None


def _plain_names(inputs: Sequence[ValueInfoProto], overrides: Overrides) -> set[str]:
    """Names that fresh symbols must not take."""
    names = {str(size) for shape in overrides.values() for size in shape}
    for value in inputs:
        names.update(dim.dim_param for dim in value.type.tensor_type.shape.dim)
    return names


def tensor_dtype(type: TypeProto) -> DType:
    """The element type of a tensor type. Raises Refused for sequences, maps and unsupported types."""
    kind = type.WhichOneof("value")
    if kind is None:
        raise Malformed("it has no type")
    if kind != "tensor_type":
        raise Refused(f"its type is a {kind.removesuffix('_type')}, not a tensor")
    return element_type(type.tensor_type.elem_type)


def _input_type(value: ValueInfoProto, override: Sequence[int | str] | None, symbols: Symbols) -> TensorType:
    dtype = tensor_dtype(value.type)
    declared = value.type.tensor_type
    if override is not None:
        rank = len(declared.shape.dim) if declared.HasField("shape") else None
        return TensorType(_overridden(value.name, override, rank, symbols), dtype)
    if not declared.HasField("shape"):
        name = shown(value.name)
        say = f"inputs={{{name}: [1, 3, 'H', 'W']}}, or --input {name[1:-1]}=1,3,H,W"
        raise Refused(f"it has no shape, and no node tells its rank; give one, such as {say}")
    return TensorType(tuple(_dim(dim, symbols) for dim in declared.shape.dim), dtype)


def _dim(dim: TensorShapeProto.Dimension, symbols: Symbols) -> Dim:
    if dim.dim_value < 0:  # how some frameworks write a dynamic size without a name
        return symbols.fresh()
    if dim.HasField("dim_value"):
        return int(dim.dim_value)
    return symbols.named(dim.dim_param) if dim.dim_param else symbols.fresh()


def _overridden(name: str, sizes: Sequence[int | str], rank: int | None, symbols: Symbols) -> tuple[Dim, ...]:
    if isinstance(sizes, (str, bytes)) or (rank is not None and len(sizes) != rank):
        message = f"the shape {sizes!r} given for input {shown(name)} does not have {rank} dimensions"
        raise _about_shape(name, sizes, message)
    return tuple(_override(name, size, symbols) for size in sizes)


def _override(name: str, size: int | str, symbols: Symbols) -> Dim:
    if isinstance(size, str):
        return symbols.named(size) if is_plain(size) else _expression(name, size, symbols)
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MAX_SYMBOL_VALUE:
        message = f"{size!r}, given for input {shown(name)}, is not a size"
        raise option_error(InputError, "size", str(size), message)
    return size


def _expression(name: str, text: str, symbols: Symbols) -> Dim:
    """The size expression in TEXT, such as 2*h or floordiv(W, 2)+1, over named symbols.

    Raises InputError for one that is not valid.
    """
    try:
        dim = parse_size(text)
    except IRError as error:
        message = f"{shown(text)}, given for input {shown(name)}, is not a size: {error.message}"
        hint = "a size is a number, a name, or an expression such as 2*h"
        raise InputError.of(replace(error.diagnostic, message=message, hints=(hint,))) from None
    named = {word: symbols.named(word) for word in symbols_in(dim) if is_plain(word)}
    if named.keys() != symbols_in(dim):
        what = f"{shown(text)}, given for input {shown(name)}"
        raise option_error(
            InputError, "size", text, f"{what}, uses a name that is not allowed for a dimension"
        )
    size = check_dim(substitute(dim, named))
    if isinstance(size, Affine) and all(value < 0 for _, value in size.terms):
        message = f"{shown(text)}, given for input {shown(name)}, is always negative"
        raise option_error(InputError, "size", text, message)
    return size


class Declared:
    """The tensor types that the file declares, to be compared with the inferred types."""

    def __init__(self, graph: GraphProto) -> None:
        self._types = {value.name: value.type for value in (*graph.value_info, *graph.output)}

    def check(self, name: str, inferred: TensorType) -> None:
        """Raise Malformed when the declared type of NAME contradicts INFERRED."""
        declared = self._types.get(name)
        if declared is None or declared.WhichOneof("value") != "tensor_type":
            return
        tensor = declared.tensor_type
        if tensor.elem_type and element_type(tensor.elem_type) != inferred.dtype:
            code = TensorProto.DataType.Name(tensor.elem_type)
            raise Malformed(f"its output {shown(name)} is declared as {code}, but it is {inferred.dtype}")
        if tensor.HasField("shape") and _contradicts(tensor.shape, inferred):
            sizes = ", ".join(str(dim.dim_value or dim.dim_param or "?") for dim in tensor.shape.dim)
            raise Malformed(f"its output {shown(name)} is declared as [{sizes}], but it is {inferred}")


def _contradicts(shape: TensorShapeProto, inferred: TensorType) -> bool:
    if len(shape.dim) != inferred.rank:
        return True
    pairs = zip(shape.dim, inferred.shape, strict=True)
    return any(
        dim.HasField("dim_value") and isinstance(size, int) and dim.dim_value != size for dim, size in pairs
    )
