"""Canonicalization patterns for slices and concats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...dialects.core.affine import Dim, total
from ...dialects.core.ir import Value
from ...dialects.core.location import merge
from ...dialects.graph.indexing import Gather
from ...dialects.graph.movement.concat import MOST_PARTS, Concat
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.slicing import Slice
from ..patterns.matching import Array, constant_array, only_use, produced_by
from ..patterns.rewrite import Rewriter, pattern


@pattern("slice-whole", Slice)
def slice_whole(op: Slice, rewriter: Rewriter) -> bool:
    """slice(x) of all of x => x"""
    if op.result.type.shape != op.x.type.shape or not all(_forward(op, a) for a in range(op.x.type.rank)):
        return False
    rewriter.replace(op, op.x)
    return True


def _forward(op: Slice, axis: int) -> bool:
    """True when OP reads AXIS from its start in steps of 1; for a single element any step is as good."""
    return op.starts[axis] == 0 and (op.step_list[axis] == 1 or op.sizes[axis] == 1)


@pattern("slice-slice", Slice)
def slice_slice(op: Slice, rewriter: Rewriter) -> bool:
    """slice(slice(x)) => slice(x)"""
    inner = produced_by(op.x, Slice)
    if inner is None:
        return False
    axes = range(op.x.type.rank)
    starts = [inner.starts[a] + op.starts[a] * inner.step_list[a] for a in axes]
    steps = [inner.step_list[a] * op.step_list[a] for a in axes]
    rewriter.replace(op, rewriter.insert(Slice(inner.x, starts=starts, sizes=op.sizes, steps=steps)).result)
    return True


@pattern("slice-concat", Slice)
def slice_concat(op: Slice, rewriter: Rewriter) -> bool:
    """slice(concat(..., x, ...)), where it selects exactly x => x"""
    joined = produced_by(op.x, Concat)
    if joined is None:
        return False
    axis = joined.axis % op.x.type.rank
    others = [a for a in range(op.x.type.rank) if a != axis]
    if op.step_list[axis] != 1 or not all(_forward(op, a) for a in others):
        return False
    begin: Dim = 0
    for part in joined.parts:
        if begin == op.starts[axis] and part.type.shape == op.result.type.shape:
            rewriter.replace(op, part)
            return True
        begin = begin + part.type.shape[axis]
    return False


@pattern("concat-one", Concat)
def concat_one(op: Concat, rewriter: Rewriter) -> bool:
    """concat(x) => x"""
    if len(op.parts) != 1:
        return False
    rewriter.replace(op, op.parts[0])
    return True


@pattern("concat-empty", Concat)
def concat_empty(op: Concat, rewriter: Rewriter) -> bool:
    """concat(x, e, y) => concat(x, y), where e has no elements along the axis"""
    axis = op.axis % op.result.type.rank
    kept = [part for part in op.parts if part.type.shape[axis] != 0]
    if len(kept) == len(op.parts) or not kept:
        return False
    rewriter.replace(op, rewriter.insert(Concat(*kept, axis=op.axis)).result)
    return True


@pattern("concat-concat", Concat)
def concat_concat(op: Concat, rewriter: Rewriter) -> bool:
    """concat(concat(x, y), z) => concat(x, y, z), where nothing else reads the inner one

    With at most MOST_PARTS operands."""
    rank = op.result.type.rank
    parts: list[Value] = []
    flattened = []
    room = MOST_PARTS - len(op.parts)
    for part in op.parts:
        inner = produced_by(part, Concat)
        joins = inner is not None and only_use(part) and inner.axis % rank == op.axis % rank
        if inner is not None and joins and len(inner.parts) - 1 <= room:
            room -= len(inner.parts) - 1
            parts += inner.parts
            flattened.append(inner)
        else:
            parts.append(part)
    if not flattened:
        return False
    rewriter.replace(op, rewriter.insert(Concat(*parts, axis=op.axis)).result, absorbed=flattened)
    return True


@pattern("concat-slices", Concat)
def concat_slices(op: Concat, rewriter: Rewriter) -> bool:
    """concat(slice(x, a..b), slice(x, b..c)) => slice(x, a..c), for adjacent slices"""
    axis = op.axis % op.result.type.rank
    runs: list[list[Value]] = []
    for part in op.parts:
        if runs and _follows(runs[-1][-1], part, axis):
            runs[-1].append(part)
        else:
            runs.append([part])
    if len(runs) == len(op.parts):
        return False
    parts = [run[0] if len(run) == 1 else rewriter.insert(_one_slice(run, axis)).result for run in runs]
    rewriter.replace(op, rewriter.insert(Concat(*parts, axis=op.axis)).result)
    return True


def _follows(left: Value, right: Value, axis: int) -> bool:
    """True when LEFT and RIGHT are slices of one tensor, and RIGHT starts along AXIS where LEFT ends."""
    a, b = produced_by(left, Slice), produced_by(right, Slice)
    if a is None or b is None or a.x is not b.x or a.step_list != b.step_list or a.step_list[axis] != 1:
        return False
    others = [d for d in range(a.x.type.rank) if d != axis]
    if any((a.starts[d], a.sizes[d]) != (b.starts[d], b.sizes[d]) for d in others):
        return False
    return bool(total((a.starts[axis], a.sizes[axis])) == b.starts[axis])


def _one_slice(run: Sequence[Value], axis: int) -> Slice:
    """One slice that covers RUN, a run of adjacent slices along AXIS.

    Its location is that of the slices and not of the concat, which may have other parts.
    """
    cuts = [cut for cut in (produced_by(value, Slice) for value in run) if cut is not None]
    first = cuts[0]
    sizes = list(first.sizes)
    sizes[axis] = total(cut.sizes[axis] for cut in cuts)
    location = merge([cut.location for cut in cuts])
    return Slice(first.x, starts=first.starts, sizes=sizes, steps=first.step_list, loc=location)


@pattern("gather-slice", Gather)
def gather_slice(op: Gather, rewriter: Rewriter) -> bool:
    """gather(x, i..j) => slice(x), for constant indices that follow each other"""
    axis = op.axis % op.x.type.rank
    indices = constant_array(op.indices, rewriter.module)
    start = None if indices is None or indices.size == 0 else _start(indices, op.x.type.shape[axis])
    if start is None or indices is None:
        return False
    starts: list[Dim] = [0] * op.x.type.rank
    sizes = list(op.x.type.shape)
    starts[axis], sizes[axis] = start, indices.size
    value = rewriter.insert(Slice(op.x, starts=starts, sizes=sizes)).result
    if value.type.shape != op.result.type.shape:
        value = rewriter.insert(Reshape(value, shape=op.result.type.shape)).result
    rewriter.replace(op, value)
    return True


def _start(indices: Array, extent: Dim) -> Dim | None:
    """The first of INDICES into EXTENT elements, if each is the next of the one before and inside; else None.

    Of an extent that is a symbol only the first and the last element are surely inside.
    """
    first = int(indices.reshape(-1)[0])
    if (indices.reshape(-1) != first + np.arange(indices.size)).any():
        return None
    if not isinstance(extent, int):
        last = extent - 1 if first == -1 else None
        return (0 if first == 0 else last) if indices.size == 1 else None
    start = first if first >= 0 else extent + first
    return start if 0 <= start <= extent - indices.size else None


PATTERNS = (
    slice_whole, slice_slice, slice_concat, concat_one, concat_empty, concat_concat, concat_slices,
    gather_slice,
)  # fmt: skip
