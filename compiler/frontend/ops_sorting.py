"""Importers of ops that order elements, and of those on sequences in batches."""

from __future__ import annotations

from ...dialects.core.affine import Dim, product
from ...dialects.graph.indexing import GatherElements, OneHot
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.reduction import ArgReduce
from ...dialects.graph.sequences import ReverseSequence, WriteCache
from ...dialects.graph.sorting import PlacesOfRank, SortRank
from .call import Call, Outcome
from .problems import Malformed
from .table import Table
from .tensor import Tensor


def _top_k_attribute(call: Call) -> Outcome:
    return _top_k(call, call.integer("k", 0), largest=True)


def _top_k_input(call: Call) -> Outcome:
    counts = call.known_dims(1, "its k")
    if len(counts) != 1:
        raise Malformed("its k is not a single number")
    call.without_effect("sorted")  # sorted elements are in one of the orders that an unsorted result may have
    return _top_k(call, counts[0], largest=call.flag("largest", True))


def _top_k(call: Call, count: Dim, *, largest: bool) -> Outcome:
    x = call.input(0)
    axis = call.axis(call.integer("axis", -1), x.rank)
    if largest and count == 1:
        places = call.emit(ArgReduce, x, kind="max", axis=axis, keepdims=True)
    else:
        ranks = call.emit(SortRank, x, axis=axis, descending=largest)
        places = call.emit(PlacesOfRank, ranks, axis=axis, count=count)
    return call.emit(GatherElements, x, places, axis=axis), places


def _hardmax(call: Call) -> Outcome:
    x = call.input(0)
    return _one_at_largest(call, x, call.axis(call.integer("axis", -1), x.rank))


def _hardmax_flat(call: Call) -> Outcome:
    """Before opset 13: over all axes from `axis` on, as if they were one."""
    x = call.input(0)
    axis = call.axis(call.integer("axis", 1), x.rank)
    flat = call.emit(Reshape, x, shape=(*x.shape[:axis], product(x.shape[axis:])))
    return call.emit(Reshape, _one_at_largest(call, flat, axis), shape=x.shape)


def _one_at_largest(call: Call, x: Tensor, axis: int) -> Tensor:
    """1 where the first largest element along AXIS is, 0 elsewhere."""
    largest = call.emit(ArgReduce, x, kind="max", axis=axis, keepdims=False)
    values = call.constant([0, 1], x.dtype)
    return call.emit(OneHot, largest, values, depth=x.shape[axis], axis=axis)


def _reverse_sequence(call: Call) -> Outcome:
    x, lengths = call.input(0), call.input(1)
    axes = {"time_axis": call.integer("time_axis", 0), "batch_axis": call.integer("batch_axis", 1)}
    if sorted(axes.values()) != [0, 1]:
        raise Malformed(f"its axes of time and batch are {axes['time_axis']} and {axes['batch_axis']}")
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
