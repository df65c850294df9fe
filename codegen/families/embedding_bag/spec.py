"""The spec of sums of rows for their template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ....dialects.core.ir import Value
from ....dialects.core.types import TensorType
from ....dialects.graph.embedding import Bag, EmbeddingBag
from ...request.describe import title
from ...request.request import Request
from ...request.signature import Signature
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier
from .layout import BagConfig, blocks_of, items_of, lanes_of, width_of

TEMPLATE = "kernels/embedding_bag.cu.j2"


@dataclass(frozen=True)
class TableValue:
    """What a block knows of its table, as C: one case for each table, or one that all have."""

    type: Code
    name: Identifier
    cases: tuple[Code, ...]


@dataclass(frozen=True)
class BagSpec:
    """The spec of sums of rows.

    values: what differs from table to table; packed: whether items are whole words; chunks: items of a bag;
    total: of a table; blocks: of a table; once: whether no thread has more rows than it reads at once; known:
    whether no kernel before writes what is read; offsets: how many there are; halves: of the threads that
    share an item, as they are joined.
    """

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    type: Identifier
    to: Identifier
    values: tuple[TableValue, ...]
    tables: int
    threads: int
    parts: int
    halves: tuple[int, ...]
    items: int
    unroll: int
    lanes: int
    packed: bool
    chunks: int
    total: Code
    blocks: Code
    offsets: Code
    once: bool
    mean: bool
    ragged: bool
    closed: bool
    weighted: bool
    scaled: bool
    shifted: bool
    known: bool


def bag_spec(request: Request, op: EmbeddingBag, config: BagConfig, signature: Signature) -> BagSpec:
    """The spec of OP under CONFIG."""
    names, there = signature.buffers(request), request.weights | request.given
    bags, symbols, lanes = op.bags, signature.symbols, lanes_of(request, op)
    lengths = [bag.indices.type.shape[-1] for bag in bags]
    at_once = config.parts * config.unroll
    offsets = bags[0].offsets.type.shape[0] if bags[0].offsets is not None else 0
    return BagSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        index_type=Identifier(signature.index_type),
        type=Identifier(c_type(bags[0].table.type.dtype)),
        to=Identifier(c_type(op.to)),
        values=(*_values(op, names, signature), *_places(op, request, symbols)),
        tables=op.count,
        threads=config.threads,
        parts=config.parts,
        halves=tuple(1 << bit for bit in reversed(range(config.parts.bit_length() - 1))),
        items=config.items,
        unroll=config.unroll,
        lanes=lanes,
        packed=lanes * bags[0].table.type.dtype.bytes % 4 == 0,
        chunks=width_of(op) // lanes,
        total=Code(dim_to_c(items_of(request, op), symbols)),
        blocks=Code(dim_to_c(blocks_of(request, op, config), symbols)),
        offsets=Code(factor_to_c(offsets, symbols)),
        once=not op.ragged and all(isinstance(size, int) and size <= at_once for size in lengths),
        mean=op.mode == "mean",
        ragged=op.ragged,
        closed=op.closed,
        weighted=op.weighted,
        scaled=op.scaled,
        shifted=op.shifted,
        known=all(request.region.arguments.index(value) in there for value in op.inputs),
    )


def _values(op: EmbeddingBag, names: Mapping[Value, str], signature: Signature) -> Iterator[TableValue]:
    """The buffers of each table, its rows, and the indices that a bag has (all bags together, if ragged)."""
    bags = op.bags
    for at, name in enumerate(Bag._fields):
        buffers = [bag[at] for bag in bags]
        if buffers[0] is not None:
            type = f"Input<{c_type(buffers[0].type.dtype)}>"
            yield _value(type, name, [names[value] for value in buffers if value is not None])
    yield _value(f"Output<{c_type(op.to)}>", "y", list(signature.outputs))
    sizes = {"table_rows": [bag.table.type.shape[0] for bag in bags]}
    sizes["length"] = [bag.indices.type.shape[-1] for bag in bags]
    for name, dims in sizes.items():
        yield _value("i64", name, [dim_to_c(dim, signature.symbols) for dim in dims])


def _places(op: EmbeddingBag, request: Request, symbols: Mapping[str, str]) -> Iterator[TableValue]:
    """Where indices, offsets, factors and results of the bag `sample` begin in their buffers."""
    bags = op.bags
    lists: dict[str, list[Value | None]] = {
        "index_at": [bag.indices for bag in bags],
        "weight_at": [bag.weights for bag in bags],
        "offset_at": [bag.offsets for bag in bags],
    }
    types = {name: [value.type for value in values if value is not None] for name, values in lists.items()}
    types["result_at"] = list(request.writes)
    for name, each in types.items():
        if each:
            yield _value("i64", name, [_begin(type, symbols) for type in each])


def _begin(type: TensorType, symbols: Mapping[str, str]) -> str:
    """The first element of the bag `sample` in a buffer of TYPE; of all bags if they are not lines of it."""
    offset = type.layout.offset
    if type.rank == 1:
        return dim_to_c(offset, symbols)
    line = f"i64(sample) * {factor_to_c(type.strides[0], symbols)}" if type.strides[0] != 1 else "i64(sample)"
    return f"{line} + {dim_to_c(offset, symbols)}" if offset != 0 else line


def _value(type: str, name: str, cases: list[str]) -> TableValue:
    alike = len(set(cases)) == 1
    return TableValue(Code(type), Identifier(name), tuple(map(Code, cases[:1] if alike else cases)))
