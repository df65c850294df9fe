"""Data-dependent sizes during import: a new symbol for each, and tensors that have it.

Such a tensor is computed for the largest count and then sliced to its size. So importers of its consumers see
an ordinary size; `bounding.py` later uses the whole memory instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.affine import Dim, symbol
from ...dialects.core.affine_traversal import substitute, symbols
from ...dialects.core.ir import Value
from ...dialects.core.printer import attributes_text
from ...dialects.graph.constants import Dims
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.slicing import Slice
from . import symbolic
from .builder import Builder
from .tensor import Tensor

MOST_STEPS = 12  # ops between two counts and their common operands


def count_of_data(builder: Builder, count: Tensor, bound: Dim, least: Dim = 0) -> Dim:
    """The size that the i64 scalar COUNT holds, from LEAST to BOUND: a number if it is known, else a symbol.

    Counts that are computed alike have the same symbol, which is known in this block.
    """
    if count.data is not None:
        return int(count.data)
    value = builder.value(count)
    for name, other in builder.counts.items():
        seen = name in builder.module.symbols and name not in builder.closed
        if seen and _alike(value, other):
            return symbol(name)
    size = builder.sizes_known.count(bound, least)
    (name,) = symbols(size)
    builder.counts[name] = value
    builder.closed.discard(name)  # a failed attempt had a count of this name
    return size


def _alike(a: Value, b: Value, steps: int = MOST_STEPS) -> bool:
    """Whether A and B are computed by equal ops on the same values, so that they are equal; False beyond
    STEPS ops."""
    if a is b:
        return True
    one, other = a.producer, b.producer
    if one is None or other is None or type(one) is not type(other) or one.regions or not steps:
        return False
    if attributes_text(one) != attributes_text(other) or len(one.operands) != len(other.operands):
        return False
    if one.spec.symbol is not None and one.attributes[one.spec.symbol] != other.attributes[one.spec.symbol]:
        return False
    pairs = zip(one.operands, other.operands, strict=True)
    return all(x is y if x is None or y is None else _alike(x, y, steps - 1) for x, y in pairs)


def cut_to(builder: Builder, x: Tensor, axis: int, size: Dim) -> Tensor:
    """The first SIZE elements of X along AXIS, which has at least as many."""
    sizes = list(x.shape)
    sizes[axis] = size
    starts: list[Dim] = [0] * x.rank
    if x.data is not None and isinstance(size, int):
        return builder.emit(Slice, x, starts=starts, sizes=sizes)
    return _cut(builder, x, starts, sizes, ())


def cut_from(
    builder: Builder, x: Tensor, starts: Sequence[Dim], sizes: Sequence[Dim], steps: Sequence[int]
) -> Tensor:
    """SIZES elements of X from STARTS on, by STEPS. They lie inside X by construction: where data decides the
    starts, sizes alone do not show it."""
    within = builder.sizes_known.counted.within
    if any(map(within, starts)):
        return _cut(builder, x, starts, sizes, steps)
    return builder.emit(Slice, x, starts=starts, sizes=sizes, steps=steps)


def _cut(
    builder: Builder, x: Tensor, starts: Sequence[Dim], sizes: Sequence[Dim], steps: Sequence[int]
) -> Tensor:
    """The slice of X, with no requirements."""
    op = Slice(builder.value(x), starts=starts, sizes=sizes, steps=steps, loc=builder.location)
    builder.block.append(op)
    return Tensor.of(op.result)


def as_one_count(builder: Builder, x: Tensor, axis: int) -> Tensor:
    """X with a single symbol as its size along AXIS, if that size is computed from several counts."""
    size = x.shape[axis]
    if len(builder.sizes_known.counted.within(size)) < 2:
        return x
    return cut_to(builder, x, axis, _counted(builder, size))


def size_in_memory(builder: Builder, size: Dim) -> Dim:
    """SIZE, or a count of its own if it shrinks as counts grow, as does padding to a fixed number of boxes.

    Memory is reserved for the maximum of each.
    """
    return _counted(builder, size) if builder.sizes_known.counted.shrinks(size) else size


def _counted(builder: Builder, size: Dim) -> Dim:
    """A count that always equals SIZE."""
    number = builder.sizes(symbolic.object_array([size], ()))
    return count_of_data(builder, number, builder.sizes_known.counted.most(size))


def formula_of(builder: Builder, size: Dim) -> Dim:
    """SIZE with the counts of `size_in_memory` replaced by their formulas."""
    made = {name: builder.counts[name].producer for name in symbols(size) & builder.counts.keys()}
    formulas = {name: op.values[0] for name, op in made.items() if isinstance(op, Dims)}
    shrinks = builder.sizes_known.counted.shrinks
    return substitute(size, {name: formula for name, formula in formulas.items() if shrinks(formula)})


def whole(builder: Builder, x: Tensor, axis: int, fill: float | bool) -> Tensor:
    """X extended to the largest possible size along AXIS, at least one element; FILL beyond the count."""
    sizes = builder.sizes_known
    most = sizes.counted.largest(x.shape[axis])
    most = most if sizes.proves(most - 1) else most + 1
    if most == x.shape[axis]:
        return x
    pads: list[Dim] = [0] * (2 * x.rank)
    pads[x.rank + axis] = most - x.shape[axis]
    return builder.emit(Pad, x, builder.constant(fill, x.dtype), pads=pads)
