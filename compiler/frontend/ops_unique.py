"""The importer of Unique: elements, or slices along an axis, without duplicates.

All slices are compared with each other. The key of a slice is the number of slices that are lexicographically
less. Equal slices have equal keys, which reduces the problem to Unique of numbers below the slice count.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.affine import product
from ...dialects.core.dtypes import BOOL, I64
from ...dialects.graph.binary import And, Equal, Less, Or, Sub
from ...dialects.graph.elementwise import Where
from ...dialects.graph.indexing import Gather, GatherElements, Range
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.reduction import Reduce
from ...dialects.graph.unary import Isnan, Not
from .call import Call, Outcome
from .ops_elementwise import cast_to
from .ops_selection import flat, places_of, running_count, size_value
from .table import Table
from .tensor import Tensor


@dataclass(frozen=True)
class _Keys:
    """The keys [slices], and by key: the first slice that has it, and how many have it (0 for unused
    keys)."""

    keys: Tensor
    first: Tensor
    count: Tensor


def _unique(call: Call) -> Outcome:
    x, axis = call.input(0), 0
    if call.stated("axis") is None:
        x = flat(call, x)
    else:
        axis = call.axis(call.integer("axis", 0), x.rank)
    found = _by_key(call, _keys(call, x, axis))
    least = call.builder.sizes_known.derive("min", x.shape[axis], 1)
    if call.flag("sorted", True):
        there = call.emit(Less, call.constant(0, I64), found.count)
        values, place = places_of(call, there, least=least), found.keys
    else:
        own = call.emit(Gather, found.first, found.keys)
        there = call.emit(Equal, own, _numbers(call, found.keys))
        values, place = call.emit(Gather, found.keys, places_of(call, there, least=least)), own
    indices = call.emit(Gather, found.first, values)
    before = call.emit(Sub, running_count(call, cast_to(call, there, I64)), call.constant(1, I64))
    inverse, counts = call.emit(Gather, before, place), call.emit(Gather, found.count, values)
    return call.emit(Gather, x, indices, axis=axis), indices, inverse, counts


def _numbers(call: Call, like: Tensor) -> Tensor:
    return call.emit(Range, call.constant(0, I64), call.constant(1, I64), size=like.shape[0])


def _keys(call: Call, x: Tensor, axis: int) -> Tensor:
    """For each slice of X along AXIS, the number of slices that are less, as i64."""
    count, others = x.shape[axis], [size for place, size in enumerate(x.shape) if place != axis]
    perm = (axis, *(place for place in range(x.rank) if place != axis))
    rows = call.emit(Reshape, call.emit(Transpose, x, perm=perm), shape=(count, product(others)))
    ranks = _column_ranks(call, rows)
    if x.rank == 1:
        return flat(call, ranks)
    last = _at_first_difference(call, ranks)
    less = call.emit(Less, call.emit(Transpose, last, perm=(1, 0)), last)
    return _total(call, less)


def _column_ranks(call: Call, rows: Tensor) -> Tensor:
    """For each element of ROWS, the number of elements of its column that are less, NaN being the largest, as
    i64."""
    count, width = rows.shape
    rows = cast_to(call, rows, I64) if rows.dtype == BOOL else rows
    one = call.emit(Reshape, rows, shape=(count, 1, width))
    other = call.emit(Reshape, rows, shape=(1, count, width))
    less = call.emit(Less, other, one)
    if rows.dtype.is_float:
        nan = [call.emit(Isnan, tensor) for tensor in (one, other)]
        less = call.emit(Or, less, call.emit(And, nan[0], call.emit(Not, nan[1])))
    return _total(call, less)


def _at_first_difference(call: Call, ranks: Tensor) -> Tensor:
    """Element (i, j) is row i of RANKS at the first column where rows i and j differ, if they do."""
    count, width = ranks.shape
    one = call.emit(Reshape, ranks, shape=(count, 1, width))
    other = call.emit(Reshape, ranks, shape=(1, count, width))
    column = call.emit(Range, call.constant(0, I64), call.constant(1, I64), size=width)
    differing = call.emit(Where, call.emit(Equal, one, other), size_value(call, width), column)
    first = call.emit(Reduce, differing, kind="min", axes=(2,), keepdims=False)
    return call.emit(GatherElements, ranks, first, axis=1)


def _total(call: Call, flags: Tensor) -> Tensor:
    """The number of true FLAGS along axis 1."""
    return call.emit(Reduce, cast_to(call, flags, I64), kind="sum", axes=(1,), keepdims=False)


def _by_key(call: Call, keys: Tensor) -> _Keys:
    count = keys.shape[0]
    number = _numbers(call, keys)
    same = call.emit(Equal, call.emit(Reshape, number, shape=(count, 1)), keys)
    place = call.emit(Where, same, number, size_value(call, count))
    first = call.emit(Reduce, place, kind="min", axes=(1,), keepdims=False)
    return _Keys(keys, first, _total(call, same))


TABLE: Table = {"Unique": [(11, _unique)]}
