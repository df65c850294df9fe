"""How the threads of a block share bags of rows.

An item is a vector of 16 bytes of the rows of a bag, and what is summed there. Threads beside each other take
items beside each other, so that together they read whole rows. `parts` threads of a block share an item: each
takes every so many rows, and what they have is added up in shared memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim, ceildiv
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.types import TensorType
from ....dialects.graph.embedding import MOST_TABLES, Bag, EmbeddingBag
from ...request.request import Request
from ..divisors import divisor, power_of_two_in

THREADS = 128
PARTS = (1, 2, 4, 8, 16, 32)
MOST_UNROLLED = 8
ACCESS_BYTES = 16


@dataclass(frozen=True)
class BagConfig:
    """Threads of a block, how many share an item, and how many rows each of these has on the way at once."""

    threads: int
    parts: int
    unroll: int

    @property
    def items(self) -> int:
        """Items of a block."""
        return self.threads // self.parts


def bags_of(request: Request) -> EmbeddingBag | None:
    """The op of which REQUEST's region consists, if there is a kernel for it; None for any other region.

    Its tables are alike in all but how many rows they have, dense, and their rows are those of the results.
    """
    ops = request.ops
    if len(ops) != 1 or not isinstance(ops[0], EmbeddingBag) or ops[0].count > MOST_TABLES:
        return None
    op = ops[0]
    bags = op.bags
    alike = {(*map(_kind, bag), bag.table.type.shape[1], op.samples(bag)) for bag in bags}
    dense = all(
        _is_dense(value.type) for bag in bags for value in (bag.table, bag.scales, bag.zeros) if value
    )
    width = bags[0].table.type.shape[1]
    found = len(alike) == 1 and dense and isinstance(width, int) and width > 0
    lines = [
        type
        for bag in bags
        for value in (bag.indices, bag.offsets, bag.weights)
        if value
        for type in [value.type]
    ]
    return op if found and all(type.strides[-1] == 1 for type in (*lines, *request.writes)) else None


def _kind(value: object) -> object:
    return getattr(getattr(value, "type", None), "dtype", None)


def _is_dense(type: TensorType) -> bool:
    return type.layout.is_dense and type.order == tuple(range(type.rank))


def width_of(op: EmbeddingBag) -> int:
    """Numbers of a row."""
    width = op.bags[0].table.type.shape[1]
    assert isinstance(width, int)
    return width


def lanes_of(request: Request, op: EmbeddingBag) -> int:
    """Numbers of an item: as many as an access moves, if all rows and results begin at multiples of them."""
    wanted = ACCESS_BYTES // op.bags[0].table.type.dtype.bytes
    places = [place for type in request.writes for place in (type.strides[0], type.layout.offset)]
    return power_of_two_in(divisor(width_of(op), *places), wanted)


def items_of(request: Request, op: EmbeddingBag) -> Dim:
    """Items of one table."""
    return op.samples(op.bags[0]) * (width_of(op) // lanes_of(request, op))


def blocks_of(request: Request, op: EmbeddingBag, config: BagConfig) -> Dim:
    """Blocks of one table."""
    return ceildiv(items_of(request, op), config.items)


def longest(request: Request, op: EmbeddingBag) -> int:
    """Rows of the longest bag at the sizes that REQUEST is tuned for; twice their average if they differ."""
    return max(_length(request, op, bag) for bag in op.bags)


def _length(request: Request, op: EmbeddingBag, bag: Bag) -> int:
    count = evaluate(bag.indices.type.shape[-1], request.optimum)
    return max(2 * count // max(evaluate(op.samples(bag), request.optimum), 1), 4) if op.ragged else count


def gathered(request: Request, op: EmbeddingBag) -> int:
    """Rows that are read of all tables."""
    return sum(evaluate(bag.indices.type.elements, request.optimum) for bag in op.bags)
