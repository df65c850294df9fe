"""Emits epilogues whose results leave in tiles.

A thread of a warpgroup finishes pairs, or vectors, of results from its own accumulators. It puts them where a
bulk copy takes them from shared memory, and where another has put the elements that are read beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...dialects.core.affine import Dim
from ...dialects.core.bounds import Range
from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Operation, Value
from ..request.request import Request
from ..request.signature import Signature
from .early_reads import EarlyReads, StructCode, StructReads
from .emitter import Emitter
from .epilogue import results_at, total_at
from .lanes import Lanes
from .offsets import linear_offset
from .sections import Section
from .spaces import Space
from .stores import store_at

PAIR = 2  # adjacent columns that a thread has (PTX ISA, "wgmma.mma_async", fragments of accumulators)
BESIDE, PLACE = "beside", "place"


class NotInTiles(Exception):
    """An epilogue reads what no bulk copy of the same tile brings."""


@dataclass(frozen=True)
class TileEpilogue:
    """An emitted epilogue of a vector of results, a pair at least.

    The statements `lines` turn the array `accumulator` into the vector at `place`, a pointer into shared
    memory. `operand` is what the region reads beside it, element for element, and whose vector the variable
    `beside` holds; None if it reads nothing so. `along` has the operands that all rows share.
    """

    lines: tuple[str, ...]
    operand: Value | None
    along: StructCode | None


def emit_tile_epilogue(
    request: Request,
    signature: Signature,
    root: Operation,
    accumulate: DType,
    index: tuple[Dim, ...],
    spaces: tuple[Space, ...],
    vector: int = PAIR,
) -> TileEpilogue | None:
    """The epilogue of VECTOR results of ROOT, the contraction of REQUEST, whose sums are of type ACCUMULATE.

    INDEX is the logical index of the first of them in terms of the axes of SPACES: batches, rows, columns.
    None if the region needs more than its own tile: another place, an operand's other elements, or several
    results.
    """
    if len(request.writes) != 1:
        return None
    ranges: dict[str, Range] = dict(request.ranges)
    for space in spaces:
        ranges.update(space.ranges(request.ranges))
    lanes = Lanes(spaces[-1].axes[0].symbol, vector)
    known = {root.result: total_at(root, accumulate, lanes, index)}
    place, (result,) = results_at(request, known, index, ranges)
    if place != index:
        return None
    buffers = signature.buffers(request)
    reads = EarlyReads(signature.symbols, spaces, spaces[-2])
    reads.beside = tile = _TileRead({name: value for value, name in buffers.items()}, index)
    emitter = Emitter(buffers, signature.symbols, spaces, lanes, reads)
    section = Section(lanes.count)
    try:
        store_at(emitter, PLACE, request.writes[0].dtype, result, section)
    except NotInTiles:
        return None
    if _names_rows(emitter, spaces[:-1]):
        return None
    return TileEpilogue(
        tuple(section.finished(lanes.count)), tile.operand, reads.along.code(signature.index_type)
    )


def _names_rows(emitter: Emitter, spaces: tuple[Space, ...]) -> bool:
    """Whether the code names an index of SPACES."""
    names = {axis.variable for space in spaces for axis in space.axes} | {space.linear for space in spaces}
    return not names.isdisjoint(emitter.names.used)


class _TileRead(StructReads):
    """The only one of OPERANDS, by the names of their buffers, that is read beside the results, at INDEX.

    It needs no loads of its own.
    """

    def __init__(self, operands: Mapping[str, Value], index: tuple[Dim, ...]) -> None:
        super().__init__(BESIDE, {}, ())
        self._operands, self._index = operands, index
        self.operand: Value | None = None

    def read(self, field: str, dtype: DType, count: int, buffer: str, offset: Dim) -> str:
        """The C name of the vector of BUFFER at OFFSET. NotInTiles if these are others."""
        value = self._operands[buffer]
        own = value.type.rank == len(self._index) and linear_offset(value.type, self._index) == offset
        if not own or self.operand not in (None, value):
            raise NotInTiles
        self.operand = value
        return BESIDE
