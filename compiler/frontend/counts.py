"""Sizes that data decides, while a model is imported: a new symbol for each, and tensors that have it.

Such a tensor is computed for the most elements that there may be, and then cut to its size by a slice. So
the importers of what reads it find a size as any other; `bounding.py` uses the memory of the whole instead.
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

MOST_STEPS = 12  # ops between two counts and what both are computed from


def count_of_data(builder: Builder, count: Tensor, bound: Dim, least: Dim = 0) -> Dim:
    """The size that COUNT, an i64 scalar, holds, from LEAST to BOUND: a number if it is known, else a symbol,
    which is the same for what is computed alike, and known in this block."""
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
    builder.closed.discard(name)  # an attempt that failed had a count of this name
    return size


def _alike(a: Value, b: Value, steps: int = MOST_STEPS) -> bool:
    """Whether A and B are computed alike, so that they are equal; False beyond that many STEPS."""
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
    """SIZES elements of X from STARTS on, by STEPS, which X has by the way that both are computed: where data
    decides from where on, that is not seen in the sizes themselves."""
    within = builder.sizes_known.counted.within
    if any(map(within, starts)):
        return _cut(builder, x, starts, sizes, steps)
    return builder.emit(Slice, x, starts=starts, sizes=sizes, steps=steps)


def _cut(
    builder: Builder, x: Tensor, starts: Sequence[Dim], sizes: Sequence[Dim], steps: Sequence[int]
) -> Tensor:
    """The slice of X, of which nothing is required."""
    op = Slice(builder.value(x), starts=starts, sizes=sizes, steps=steps, loc=builder.location)
    builder.block.append(op)
    return Tensor.of(op.result)


def as_one_count(builder: Builder, x: Tensor, axis: int) -> Tensor:
    """X with a single symbol for its size along AXIS, where that is computed from several counts."""
    size = x.shape[axis]
    if len(builder.sizes_known.counted.within(size)) < 2:
        return x
    return cut_to(builder, x, axis, _counted(builder, size))


def size_in_memory(builder: Builder, size: Dim) -> Dim:
    """SIZE, or a count of its own where it shrinks as counts grow, as what pads boxes to a fixed number does:
    memory is for the most of each."""
    return _counted(builder, size) if builder.sizes_known.counted.shrinks(size) else size


def _counted(builder: Builder, size: Dim) -> Dim:
    """A count that is always SIZE."""
    number = builder.sizes(symbolic.object_array([size], ()))
    return count_of_data(builder, number, builder.sizes_known.counted.most(size))


def formula_of(builder: Builder, size: Dim) -> Dim:
    """SIZE without counts that `size_in_memory` gave."""
    made = {name: builder.counts[name].producer for name in symbols(size) & builder.counts.keys()}
    formulas = {name: op.values[0] for name, op in made.items() if isinstance(op, Dims)}
    shrinks = builder.sizes_known.counted.shrinks
    return substitute(size, {name: formula for name, formula in formulas.items() if shrinks(formula)})


def whole(builder: Builder, x: Tensor, axis: int, fill: float | bool) -> Tensor:
    """X with as many elements along AXIS as there may be, and at least one; FILL where there are fewer."""
    sizes = builder.sizes_known
    most = sizes.counted.largest(x.shape[axis])
    most = most if sizes.proves(most - 1) else most + 1
    if most == x.shape[axis]:
        return x
    pads: list[Dim] = [0] * (2 * x.rank)
    pads[x.rank + axis] = most - x.shape[axis]
    return builder.emit(Pad, x, builder.constant(fill, x.dtype), pads=pads)
