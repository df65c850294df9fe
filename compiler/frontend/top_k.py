"""The first elements of long axes in order, by selection: TopK of 1000 scores in a million.

Ranks compare all pairs. Instead, elements become unsigned numbers in the same order, and the last one that is
taken is found digit by digit: 15 counts of what is not less than a candidate say the next 4 bits of it. A
running count of what is larger, and of the first of its equals, then says where the elements that are taken
lie; only these are ranked. Nothing depends on the order in which anything runs.
"""

from __future__ import annotations

import numpy as np

from ...dialects.core.affine import Dim, product
from ...dialects.core.dtypes import F32, F64, I32, I64, U32, U64, DType
from ...dialects.graph.binary import Add, BitwiseXor, Div, Equal, Greater, GreaterEqual, Min, Mod, Mul, Sub
from ...dialects.graph.elementwise import BitCast, Where
from ...dialects.graph.indexing import GatherElements, Range
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.reduction import Reduce
from ...dialects.graph.searching import SearchSorted
from ...dialects.graph.sorting import PlacesOfRank, SortRank
from ...dialects.graph.unary import Isnan
from .call import Call
from .ops_elementwise import cast_to
from .ops_selection import PART, running_count, size_value
from .tensor import Tensor

DIGIT = 4  # bits that a pass finds
LARGER = 1 << 32  # a running count of larger elements in steps of this, and of equal ones in steps of 1


def comparisons(size: int, count: int) -> int:
    """How many comparisons and additions a selection of COUNT of SIZE elements takes."""
    passes = 32 // DIGIT * (1 << DIGIT)
    return size * (passes + PART // 2) + count * count


def ranked_places(call: Call, x: Tensor, axis: int, count: Dim, *, largest: bool) -> Tensor:
    """The positions along AXIS of the first COUNT elements of X in order, by comparing all pairs."""
    ranks = call.emit(SortRank, x, axis=axis, descending=largest)
    return call.emit(PlacesOfRank, ranks, axis=axis, count=count)


def selected_places(call: Call, x: Tensor, axis: int, count: Dim, *, largest: bool) -> Tensor:
    """The positions along AXIS of the first COUNT elements of X in order, by selection; as i64."""
    order = [*(each for each in range(x.rank) if each != axis), axis]
    moved = x if axis == x.rank - 1 else call.emit(Transpose, x, perm=order)
    *lead, size = moved.shape
    rows = call.emit(Reshape, moved, shape=(product(lead), size))
    places = _selected(call, rows, _keys(call, rows, largest=largest), count)
    ranks = ranked_places(call, call.emit(GatherElements, rows, places, axis=1), 1, count, largest=largest)
    sorted = call.emit(Reshape, call.emit(GatherElements, places, ranks, axis=1), shape=(*lead, count))
    back = [order.index(each) for each in range(x.rank)]
    return sorted if axis == x.rank - 1 else call.emit(Transpose, sorted, perm=back)


def _keys(call: Call, x: Tensor, *, largest: bool) -> Tensor:
    """Unsigned numbers, larger for what comes first in X. NaN is the largest number, and zeros are equal."""
    wide = _widened(x.dtype)
    unsigned = U64 if wide.bits == 64 else U32
    x = cast_to(call, x, wide)
    sign = call.constant(1 << (wide.bits - 1), unsigned)
    every = call.constant((1 << wide.bits) - 1, unsigned)
    keys = x if wide == unsigned else call.emit(BitCast, x, to=unsigned)
    if wide.is_float:
        keys = call.emit(
            Where, call.emit(Equal, keys, sign), call.constant(0, unsigned), keys
        )  # -0 becomes 0
        turned = call.emit(Where, call.emit(GreaterEqual, keys, sign), every, sign)
        keys = call.emit(Where, call.emit(Isnan, x), every, call.emit(BitwiseXor, keys, turned))
    elif wide != unsigned:
        keys = call.emit(BitwiseXor, keys, sign)
    return keys if largest else call.emit(BitwiseXor, keys, every)


def _widened(dtype: DType) -> DType:
    """The type of 32 or 64 bits that holds all numbers of DTYPE, in their order."""
    if dtype.is_float:
        return F64 if dtype == F64 else F32
    if dtype.bits == 64:
        return dtype
    return U32 if dtype == U32 else I32


def _last_key(call: Call, keys: Tensor, count: Dim) -> Tensor:
    """The COUNT-th largest of KEYS, of shape [rows, n], in each row, as [rows, 1]."""
    dtype, wanted = keys.dtype, size_value(call, count)
    rows, size = keys.shape
    apart = call.emit(Reshape, keys, shape=(rows, 1, size))
    found = call.constant([[0]], dtype)
    for shift in reversed(range(0, dtype.bits, DIGIT)):
        steps = np.arange(1, 1 << DIGIT, dtype=dtype.numpy)[None] << np.array(shift, dtype.numpy)
        candidates = call.emit(Add, found, call.constant(steps, dtype))
        column = call.emit(Reshape, candidates, shape=(*candidates.shape, 1))
        reached = cast_to(call, call.emit(GreaterEqual, apart, column), I64)
        counts = call.emit(Reduce, reached, kind="sum", axes=(2,), keepdims=False)
        enough = cast_to(call, call.emit(GreaterEqual, counts, wanted), I64)
        digit = cast_to(call, call.emit(Reduce, enough, kind="sum", axes=(1,), keepdims=True), dtype)
        found = call.emit(Add, found, call.emit(Mul, digit, call.constant(1 << shift, dtype)))
    return found


def _selected(call: Call, rows: Tensor, keys: Tensor, count: Dim) -> Tensor:
    """The positions of the COUNT largest of KEYS in each row, ascending; of equal ones the first."""
    lines, size = keys.shape
    last = _last_key(call, keys, count)
    one, zero, step = (call.constant(number, I64) for number in (1, 0, LARGER))
    equal = call.emit(Where, call.emit(Equal, keys, last), one, zero)
    marks = call.emit(Where, call.emit(Greater, keys, last), step, equal)
    running = running_count(call, call.emit(Reshape, marks, shape=(lines * size,)))
    running = call.emit(Reshape, running, shape=(lines, size))
    ends = call.emit(Slice, running, starts=(0, size - 1), sizes=(lines, 1))
    begins = call.emit(Slice, call.emit(Pad, ends, pads=(1, 0, 0, 0)), starts=(0, 0), sizes=(lines, 1))
    own = call.emit(Sub, running, begins)
    larger = call.emit(Div, call.emit(Sub, ends, begins), step)
    taken = call.emit(Sub, size_value(call, count), larger)  # of those that equal the last one
    many = call.emit(Add, call.emit(Div, own, step), call.emit(Min, call.emit(Mod, own, step), taken))
    number = call.emit(Reshape, call.emit(Range, zero, one, size=lines), shape=(lines, 1))
    before = call.emit(Mul, number, size_value(call, count))
    flat = call.emit(Reshape, call.emit(Add, many, before), shape=(lines * size,))
    found = call.emit(SearchSorted, flat, call.emit(Range, one, one, size=lines * count))
    found = call.emit(Reshape, found, shape=(lines, count))
    return call.emit(Sub, found, call.emit(Mul, number, size_value(call, size)))
