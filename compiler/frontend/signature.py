"""The inputs of a model: their types, with symbols for dynamic sizes, and their known contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from onnx import GraphProto, TensorShapeProto, TypeProto, ValueInfoProto

from ...dialects.core.affine import Affine, Dim
from ...dialects.core.affine_traversal import linear_symbol, substitute
from ...dialects.core.affine_traversal import symbols as symbols_in
from ...dialects.core.contents import parts_of, readable
from ...dialects.core.dtypes import DType
from ...dialects.core.parser import parse_size
from ...dialects.core.sizes.outcomes import Conflict
from ...dialects.core.sizes.sizes import Sizes
from ...dialects.core.types import TensorType
from ...errors import InputError, IRError, ModelError
from ...errors.option import option_error
from .contents import ANY, Contents, ElementRanges, named_in
from .input_symbols import MAX_SYMBOL_VALUE, SymbolRanges, Symbols, about_shape, is_plain
from .limits import check_dim
from .problems import Malformed, Refused, shown
from .weights import element_type

Overrides = Mapping[str, Sequence[int | str]]


def check_names(overrides: Overrides, graph: GraphProto) -> None:
    """Raise InputError if OVERRIDES names what is no input of GRAPH."""
    known = [value.name for value in graph.input]
    unknown = next((name for name in overrides if name not in known), None)
    if unknown is None:
        return
    hint = f"its inputs: {', '.join(map(shown, known)) or 'none'}"
    if any(each.name == unknown for each in graph.initializer):
        hint = f"{shown(unknown)} is an initializer; list it among the inputs of the graph, too"
    raise about_shape(
        unknown, overrides[unknown], f"the model has no input {shown(unknown)}", hint, of_name=True
    )


def input_types(
    inputs: Sequence[ValueInfoProto],
    overrides: Overrides,
    ranges: SymbolRanges,
    sizes: Sizes,
    widened: Mapping[str, int],
    read: Contents,
) -> tuple[dict[str, TensorType], list[str]]:
    """The type of every input by name, and messages about unsupported input types.

    The contents of the inputs in READ, and of those whose elements RANGES name, are declared. Raises
    InputError for ranges and shapes that do not match the model, ModelError for an invalid input.
    """
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
    """Declare the content of input NAME: a symbol per element, expected in its entry of RANGES. A list whose
    length is a size has an element for each of RANGES."""
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
    """Require that no size of input NAME is negative. Raises InputError if one always is."""
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
    if dim.dim_value < 0:  # some frameworks' spelling of a dynamic size without a name
        return symbols.fresh()
    if dim.HasField("dim_value"):
        return int(dim.dim_value)
    return symbols.named(dim.dim_param) if dim.dim_param else symbols.fresh()


def _overridden(name: str, sizes: Sequence[int | str], rank: int | None, symbols: Symbols) -> tuple[Dim, ...]:
    if isinstance(sizes, (str, bytes)) or (rank is not None and len(sizes) != rank):
        message = f"the shape {sizes!r} given for input {shown(name)} does not have {rank} dimensions"
        raise about_shape(name, sizes, message)
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

    Raises InputError for an invalid one.
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
