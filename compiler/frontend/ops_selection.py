"""Importers of ops that select elements by data: NonZero and Compress. The number selected is a count."""

from __future__ import annotations

from ...dialects.core.affine import Dim, ceildiv, product
from ...dialects.core.bounds import bounds
from ...dialects.core.dtypes import BOOL, I64
from ...dialects.graph.binary import Add, Div, Equal, Mod
from ...dialects.graph.indexing import Gather, Range
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.reduction import Cumsum, Reduce
from ...dialects.graph.searching import SearchSorted
from ...dialects.graph.unary import Not
from .call import Call, Outcome
from .counts import count_of_data, cut_to
from .ops_elementwise import cast_to
from .problems import Malformed
from .table import Table
from .tensor import Tensor

PART = 512  # elements of a running count that are added one by one


def places_of(call: Call, flags: Tensor, most: Dim | None = None, least: Dim = 0) -> Tensor:
    """The positions where FLAGS, bools of rank 1, are true, ascending, as i64; from LEAST to MOST of them.

    The k-th is the first position whose running count of true flags is k.
    """
    length = flags.shape[0]
    ones = cast_to(call, flags, I64)
    running = running_count(call, ones)
    count = call.emit(Reduce, ones, kind="sum", axes=(0,), keepdims=False)
    one = call.constant(1, I64)
    places = call.emit(SearchSorted, running, call.emit(Range, one, one, size=length))
    size = count_of_data(call.builder, count, length if most is None else most, least)
    return cut_to(call.builder, places, 0, size)


def running_count(call: Call, ones: Tensor) -> Tensor:
    """The running sum of ONES, which are i64 of rank 1.

    Each element adds up all before it, so long sums are composed of parts.
    """
    length = ones.shape[0]
    most = bounds(length, call.builder.sizes_known.ranges)[1]
    if most is not None and most <= 2 * PART:
        return call.emit(Cumsum, ones, axis=0)
    count = ceildiv(length, PART)
    padded = call.emit(Pad, ones, pads=(0, count * PART - length))
    within = call.emit(Cumsum, call.emit(Reshape, padded, shape=(count, PART)), axis=1)
    totals = call.emit(Slice, within, starts=(0, PART - 1), sizes=(count, 1))
    found = call.emit(Add, within, call.emit(Cumsum, totals, axis=0, exclusive=True))
    whole = call.emit(Reshape, found, shape=(count * PART,))
    return call.emit(Slice, whole, starts=(0,), sizes=(length,))


def flat(call: Call, x: Tensor) -> Tensor:
    """The elements of X in row-major order."""
    return x if x.rank == 1 else call.emit(Reshape, x, shape=(product(x.shape),))


def _nonzero(call: Call) -> Outcome:
    x = call.input(0)
    flags = x if x.dtype == BOOL else call.emit(Not, call.emit(Equal, x, call.constant(0, x.dtype)))
    places = places_of(call, flat(call, flags))
    count = places.shape[0]
    rows = []
    for axis in range(x.rank):
        inner = product(x.shape[axis + 1 :])
        row = places if inner == 1 else call.emit(Div, places, size_value(call, inner))
        row = call.emit(Mod, row, size_value(call, x.shape[axis])) if axis else row
        rows.append(call.emit(Reshape, row, shape=(1, count)))
    if not rows:  # a scalar has no positions
        row = call.emit(Reshape, places, shape=(1, count))
        return call.emit(Slice, row, starts=(0, 0), sizes=(0, count))
    return rows[0] if len(rows) == 1 else call.emit(Concat, *rows, axis=0)


def size_value(call: Call, size: Dim) -> Tensor:
    """SIZE as an i64 scalar."""
    return call.emit(Reshape, call.builder.dims([size]), shape=())


def _compress(call: Call) -> Outcome:
    """Slices of x along an axis, or elements of the flat x, where the condition holds. The condition may be
    shorter."""
    x, condition = call.input(0), call.input(1)
    if condition.rank != 1:
        raise Malformed(f"its condition has {condition.rank} dimensions")
    axis = 0
    if call.stated("axis") is None:
        x = flat(call, x)
    else:
        axis = call.axis(call.integer("axis", 0), x.rank)
    length = call.builder.sizes_known.derive("min", condition.shape[0], x.shape[axis])
    if length != condition.shape[0]:
        condition = call.emit(Slice, condition, starts=(0,), sizes=(length,))
    return call.emit(Gather, x, places_of(call, condition), axis=axis)


TABLE: Table = {
    "Compress": [(9, _compress)],
    "NonZero": [(9, _nonzero)],
}
