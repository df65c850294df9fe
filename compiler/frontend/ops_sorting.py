"""Importers of ops that sort elements, and of ops on batched sequences."""

from __future__ import annotations

import numpy as np

from ...dialects.core.affine import Dim, product
from ...dialects.core.bounds import bounds
from ...dialects.core.dtypes import I64, DType
from ...dialects.graph.binary import Add, Equal
from ...dialects.graph.indexing import GatherElements, OneHot, Range
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.reduction import ArgReduce
from ...dialects.graph.sequences import ReverseSequence, WriteCache
from .call import Call, Outcome
from .counts import cut_to, whole
from .ops_elementwise import cast_to
from .problems import Malformed
from .table import Table
from .tensor import Tensor
from .top_k import comparisons, ranked_places, selected_places

PARTS = (256, 512, 1024, 2048, 4096)  # lengths of the parts of long axes
MOST_RANKED = 1 << 28  # comparisons of pairs; beyond, elements are selected, which takes more launches


def _top_k_attribute(call: Call) -> Outcome:
    return _top_k(call, call.integer("k", 0), largest=True)


def _top_k_input(call: Call) -> Outcome:
    counts = call.known_dims(1, "its k")
    if len(counts) != 1:
        raise Malformed("its k is not a single number")
    call.without_effect("sorted")  # an unsorted result may have any order, including the sorted one
    return _top_k(call, counts[0], largest=call.flag("largest", True))


def _top_k(call: Call, count: Dim, *, largest: bool) -> Outcome:
    x = call.input(0)
    axis = call.axis(call.integer("axis", -1), x.rank)
    size = x.shape[axis] if x.rank else 1
    part = _part(size, count)
    if largest and count == 1:
        places = call.emit(ArgReduce, x, kind="max", axis=axis, keepdims=True)
    elif _is_selected(call, size, count, part):
        places = _selected(call, x, axis, count, largest=largest)
    elif part is None:
        places = ranked_places(call, x, axis, count, largest=largest)
    else:
        places = _by_parts(call, x, axis, count, part, largest=largest)
    return call.emit(GatherElements, x, places, axis=axis), places


def _is_selected(call: Call, size: Dim, count: Dim, part: int | None) -> bool:
    """Whether COUNT of SIZE elements are selected: if ranking them, in parts of PART elements unless that is
    None, takes too many comparisons."""
    known = call.builder.sizes_known
    most, taken = (bounds(known.counted.largest(each), known.ranges)[1] for each in (size, count))
    if most is None or taken is None:
        return False
    ranked = most * most if part is None else _in_parts(most, part, taken)
    return ranked > MOST_RANKED and comparisons(most, min(taken, most)) < ranked


def _selected(call: Call, x: Tensor, axis: int, count: Dim, *, largest: bool) -> Tensor:
    """`selected_places`; where data decides a size, of the most elements, cut to those that are meant."""
    counted = call.builder.sizes_known.counted
    call.require(x.shape[axis], count, f"axis {axis} has as many elements as are taken")
    if not counted.within(x.shape[axis]) and not counted.within(count):
        return selected_places(call, x, axis, count, largest=largest)
    every = whole(call.builder, x, axis, _last(x.dtype, largest=largest))
    most = call.builder.sizes_known.derive("min", counted.largest(count), every.shape[axis])
    return cut_to(call.builder, selected_places(call, every, axis, most, largest=largest), axis, count)


def _part(size: Dim, count: Dim) -> int | None:
    """The length of the parts of an axis of SIZE that are first reduced to their first COUNT elements; None
    for none.

    Ranks compare all pairs, which are fewer within parts.
    """
    if not isinstance(size, int) or not isinstance(count, int):
        return None
    costs = {part: _in_parts(size, part, count) for part in PARTS if part > count}
    best = min(costs, key=costs.__getitem__, default=None)
    return best if best is not None and 2 * costs[best] < size * size else None


def _in_parts(size: int, part: int, count: int) -> int:
    """The comparisons that rank COUNT of SIZE elements in parts of PART."""
    return size * part + (-(-size // part) * count) ** 2


def _by_parts(call: Call, x: Tensor, axis: int, count: Dim, part: int, *, largest: bool) -> Tensor:
    """`ranked_places` among the first elements of each PART of the axis.

    Equal elements keep their order: inside a part by their ranks, and across parts.
    """
    size, parts = x.shape[axis], -(-int(str(x.shape[axis])) // part)
    pads = [0] * (2 * x.rank)
    pads[x.rank + axis] = parts * part - int(str(size))
    # Padding of the last part sorts after everything: its value is the last one, and so is its position.
    full = (
        call.emit(Pad, x, call.constant(_last(x.dtype, largest=largest), x.dtype), pads=pads)
        if any(pads)
        else x
    )
    lead, rest = x.shape[:axis], x.shape[axis + 1 :]
    split = call.emit(Reshape, full, shape=(*lead, parts, part, *rest))
    inner = ranked_places(call, split, axis + 1, count, largest=largest)
    values = call.emit(GatherElements, split, inner, axis=axis + 1)
    begins = call.constant(np.arange(parts) * part, I64)
    shifts = call.emit(Reshape, begins, shape=(parts, 1, *[1] * len(rest)))
    places = call.emit(Add, inner, shifts)
    flat = (*lead, parts * count, *rest)
    chosen = ranked_places(call, call.emit(Reshape, values, shape=flat), axis, count, largest=largest)
    return call.emit(GatherElements, call.emit(Reshape, places, shape=flat), chosen, axis=axis)


def _last(dtype: DType, *, largest: bool) -> float | int:
    """A number of DTYPE that sorts after all others; in descending order if the LARGEST come first."""
    if largest:
        return dtype.limits[0]
    return float("nan") if dtype.is_float else dtype.limits[1]


def _hardmax(call: Call) -> Outcome:
    x = call.input(0)
    return _one_at_largest(call, x, call.axis(call.integer("axis", -1), x.rank))


def _hardmax_flat(call: Call) -> Outcome:
    """Before opset 13: over the flattened axes from `axis` on."""
    x = call.input(0)
    axis = call.axis(call.integer("axis", 1), x.rank)
    flat = call.emit(Reshape, x, shape=(*x.shape[:axis], product(x.shape[axis:])))
    return call.emit(Reshape, _one_at_largest(call, flat, axis), shape=x.shape)


def _one_of_a_count(call: Call, x: Tensor, axis: int) -> Tensor:
    """`_one_at_largest` along an axis of data-dependent size, which may be empty."""
    shape = [size if place == axis else 1 for place, size in enumerate(x.shape)]
    every = whole(call.builder, x, axis, x.dtype.limits[0])
    largest = call.emit(ArgReduce, every, kind="max", axis=axis, keepdims=True)
    number = call.emit(Range, call.constant(0, I64), call.constant(1, I64), size=shape[axis])
    return cast_to(call, call.emit(Equal, call.emit(Reshape, number, shape=shape), largest), x.dtype)


def _one_at_largest(call: Call, x: Tensor, axis: int) -> Tensor:
    """1 at the first largest element along AXIS, 0 elsewhere."""
    if call.builder.sizes_known.counted.within(x.shape[axis]):
        return _one_of_a_count(call, x, axis)
    largest = call.emit(ArgReduce, x, kind="max", axis=axis, keepdims=False)
    values = call.constant([0, 1], x.dtype)
    return call.emit(OneHot, largest, values, depth=x.shape[axis], axis=axis)


def _reverse_sequence(call: Call) -> Outcome:
    x, lengths = call.input(0), call.input(1)
    axes = {"time_axis": call.integer("time_axis", 0), "batch_axis": call.integer("batch_axis", 1)}
    if sorted(axes.values()) != [0, 1]:
        given = f"time_axis is {axes['time_axis']} and batch_axis {axes['batch_axis']}"
        raise Malformed(f"{given}; 0 and 1, or 1 and 0, are expected")
    return call.emit(ReverseSequence, x, lengths, **axes)


def _tensor_scatter(call: Call) -> Outcome:
    cache, update, starts = call.input(0), call.input(1), call.optional(2)
    axis = call.axis(call.integer("axis", -2), cache.rank)
    mode = call.choice("mode", "linear", {"linear": "linear", "circular": "circular"})
    return call.emit(WriteCache, cache, update, starts, axis=axis, circular=mode == "circular")


TABLE: Table = {
    "Hardmax": [(1, _hardmax_flat), (13, _hardmax)],
    "ReverseSequence": [(10, _reverse_sequence)],
    "TensorScatter": [(24, _tensor_scatter)],
    "TopK": [(1, _top_k_attribute), (10, _top_k_input)],
}
