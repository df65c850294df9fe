"""Scatters to a box of constant indices: assignments to slices with steps of 1, as exporters write them.

The updates are padded to the shape of the whole and selected by a mask for each axis, so that nothing as
large as the indices remains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import BOOL
from ...dialects.core.ir import Operation
from ...dialects.graph.binary import Add, Max, Min, Mul
from ...dialects.graph.elementwise import Where
from ...dialects.graph.movement.pad import Pad
from .call import Call
from .tensor import Array, Tensor

JOINED: dict[str, type[Operation]] = {"add": Add, "mul": Mul, "max": Max, "min": Min}


@dataclass(frozen=True)
class KnownBox:
    """Positions `starts[k]` to `starts[k] + counts[k]` of axis k of x, whose size is `sizes[k]`, for its
    first axes."""

    starts: tuple[int, ...]
    counts: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def depth(self) -> int:
        return len(self.starts)

    def applied(self, call: Call, x: Tensor, updates: Tensor, reduction: str) -> Tensor | None:
        """X with UPDATES written or reduced into the box; None for a reduction of booleans."""
        if reduction != "none" and x.dtype == BOOL:
            return None
        axes = list(enumerate(zip(self.starts, self.counts, self.sizes, strict=True)))
        others = [0] * (x.rank - self.depth)
        ends = [size - first - count for _, (first, count, size) in axes]
        result = call.emit(Pad, updates, pads=(*self.starts, *others, *ends, *others))
        if reduction != "none":
            result = call.emit(JOINED[reduction], x, result)
        for axis, (first, count, size) in axes:
            if count < size:
                inside = (np.arange(size) >= first) & (np.arange(size) < first + count)
                mask = call.constant(inside.reshape(-1, *[1] * (x.rank - axis - 1)), BOOL)
                result = call.emit(Where, mask, result, x)
        return result


def known_box(shape: tuple[Dim, ...], indices: Array) -> KnownBox | None:
    """The box of INDICES [n0, n1, ..., depth] in a tensor of SHAPE; None if they are no box inside it."""
    depth, counts = indices.shape[-1], indices.shape[:-1]
    sizes = tuple(size for size in shape[:depth] if isinstance(size, int))
    if not depth == len(counts) == len(sizes) or 0 in counts:
        return None
    starts = []
    for axis, (count, size) in enumerate(zip(counts, sizes, strict=True)):
        column = indices[..., axis]
        first = int(column.flat[0])
        expected = first + np.arange(count).reshape(-1, *[1] * (depth - axis - 1))
        if not (column == expected).all():
            return None
        starts.append(first + size if first < 0 else first)
        if not 0 <= starts[-1] <= size - count or first < 0 <= first + count - 1:
            return None
    return KnownBox(tuple(starts), counts, sizes)
