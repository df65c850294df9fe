"""The masks of ONNX Runtime's attention ops: as numbers added to the scores, and as allowed positions."""

from __future__ import annotations

import math

from ....dialects.core.affine import Dim
from ....dialects.core.dtypes import I32, DType
from ....dialects.graph.binary import Add, And, Greater, GreaterEqual, Less, LessEqual
from ....dialects.graph.elementwise import Where
from ....dialects.graph.indexing import Range
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.movement.slicing import Slice
from ..call import Call
from ..ops_elementwise import cast_to
from ..problems import Malformed, Refused
from ..tensor import Tensor

FILTERED = -10000.0  # added by default to the scores of masked keys


def padding(call: Call, index: int, scores: tuple[Dim, ...], dtype: DType) -> Tensor | None:
    """The mask at input INDEX, as numbers of DTYPE to be added to SCORES [batch, heads, queries, keys].

    They are 0, or the node's mask_filter_value for masked keys; None without a mask. The input is 0 for
    masked keys ([batch, keys] or [batch, queries, keys]), or has the end of the keys of each sequence
    [batch], or the ends and the beginnings [2 * batch]. Refused for other forms.
    """
    filtered, mask = call.number("mask_filter_value", FILTERED), call.optional(index)
    if mask is None:
        return None
    if not mask.dtype.is_integer:
        raise Malformed(f"its mask is {mask.type}, integers are expected")
    kept = _kept(call, mask, scores)
    return call.emit(Where, kept, call.constant(0.0, dtype), call.constant(filtered, dtype))


def _kept(call: Call, mask: Tensor, scores: tuple[Dim, ...]) -> Tensor:
    """The keys that MASK keeps, in a shape that broadcasts to SCORES."""
    batch, _, queries, keys = scores
    if mask.rank == 1:
        return _between(call, mask, batch, keys)
    forms: dict[int, tuple[Dim, ...]] = {2: (batch, keys), 3: (batch, queries, keys)}
    if mask.rank not in forms:
        raise Refused(f"a mask of {mask.rank} dimensions is not supported")
    message = f"its mask {mask.type} does not fit {batch}x{queries}x{keys}"
    call.require_shape(mask.shape, forms[mask.rank], message)
    spread = (batch, 1, 1 if mask.rank == 2 else queries, keys)
    return call.emit(Greater, call.emit(Reshape, mask, shape=spread), call.constant(0, mask.dtype))


def _between(call: Call, mask: Tensor, batch: Dim, keys: Dim) -> Tensor:
    """The keys before the ends in MASK [batch] and, for [2 * batch], from the beginnings on."""
    places = positions(call, keys, mask.dtype)
    if mask.shape[0] == batch:
        return call.emit(Less, places, per_sequence(call, mask))
    if mask.shape[0] != 2 * batch:
        raise Refused(f"a mask {mask.type} for {batch} sequences is not supported")
    ends, starts = (call.emit(Slice, mask, starts=(at,), sizes=(batch,)) for at in (0, batch))
    begun = call.emit(GreaterEqual, places, per_sequence(call, starts))
    return call.emit(And, begun, call.emit(Less, places, per_sequence(call, ends)))


# ------------------------------------------------------------ positions


def positions(call: Call, count: Dim, dtype: DType = I32) -> Tensor:
    """0, 1, .. COUNT - 1"""
    return call.emit(Range, call.constant(0, dtype), call.constant(1, dtype), size=count)


def per_sequence(call: Call, numbers: Tensor) -> Tensor:
    """NUMBERS [batch] or [batch, queries] as [batch, 1, queries or 1, 1], which broadcasts to scores."""
    rest = (1, 1, 1) if numbers.rank == 1 else (1, numbers.shape[1], 1)
    return call.emit(Reshape, numbers, shape=(numbers.shape[0], *rest))


def preceding(call: Call, queries: Dim, keys: Dim, before: Dim) -> Tensor:
    """For each of QUERIES, the first of which is at position BEFORE, the KEYS up to it: [queries, keys]."""
    column = call.emit(Reshape, positions(call, queries), shape=(queries, 1))
    return call.emit(LessEqual, positions(call, keys), call.emit(Add, column, number(call, before)))


def number(call: Call, size: Dim) -> Tensor:
    """SIZE as an i32 scalar."""
    return call.emit(Reshape, cast_to(call, call.builder.dims([size]), I32), shape=())


def only(call: Call, allowed: Tensor, added: Tensor | None) -> Tensor:
    """A mask that leaves only the ALLOWED keys, with ADDED added to their scores."""
    return (
        allowed if added is None else call.emit(Where, allowed, added, call.constant(-math.inf, added.dtype))
    )


def summed(call: Call, first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """The sum of two addends of the scores, each of which may be absent."""
    if first is None or second is None:
        return second if first is None else first
    return call.emit(Add, first, second)
