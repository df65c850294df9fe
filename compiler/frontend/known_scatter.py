"""Scatters at constant indices, as exporters write assignments to slices.

For every position of the result it is known at compile time which update goes there, if any. So the scatter
is a gather from the updates by a constant table, and a select between update and old value, without a search
at run time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import BOOL, I32
from ...dialects.graph.elementwise import Where
from ...dialects.graph.indexing import Gather
from ...dialects.graph.movement.reshape import Reshape
from .call import Call
from .known_box import JOINED, KnownBox, known_box
from .tensor import Array, Tensor

MOST_PLACES = 1 << 20  # positions in a table


@dataclass(frozen=True)
class KnownScatter:
    """Which of COUNT updates goes to each position of x's first DEPTH dimensions: the last one, -1 for none.

    `repeated`: several updates go to the same position.
    """

    owners: Array
    count: int
    depth: int
    repeated: bool

    def applied(self, call: Call, x: Tensor, updates: Tensor, reduction: str) -> Tensor | None:
        """X with UPDATES written or reduced into it; None if several would have to be reduced into one."""
        if reduction != "none" and (self.repeated or x.dtype == BOOL):
            return None
        rest = x.shape[self.depth :]
        flat = call.emit(Reshape, updates, shape=(self.count, *rest))
        there = self.owners >= 0
        new = call.emit(Gather, flat, call.constant(np.where(there, self.owners, 0), I32), axis=0)
        old = call.emit(Reshape, x, shape=(len(self.owners), *rest))
        if reduction != "none":
            new = call.emit(JOINED[reduction], old, new)
        if not there.all():
            mask = call.constant(there.reshape(-1, *[1] * len(rest)), BOOL)
            new = call.emit(Where, mask, new, old)
        return call.emit(Reshape, new, shape=x.shape)


def known_slices(x: Tensor, indices: Tensor) -> KnownScatter | KnownBox | None:
    """The positions of a ScatterND whose INDICES are constants inside x; else None."""
    if indices.data is None or not indices.rank or not 1 <= indices.data.shape[-1] <= x.rank:
        return None
    box = known_box(x.shape, indices.data)
    if box is not None:
        return box
    return _known(x.shape, np.moveaxis(indices.data, -1, 0))


def known_elements(x: Tensor, indices: Tensor, axis: int) -> KnownScatter | None:
    """The positions of a ScatterElements whose INDICES are constants inside x; else None."""
    if indices.data is None or indices.rank != x.rank:
        return None
    places = np.indices(indices.data.shape)
    places[axis] = indices.data
    return _known(x.shape, places)


def _known(shape: tuple[Dim, ...], places: Array) -> KnownScatter | None:
    """The scatter to PLACES, an array of multi-indices along its first axis, in a tensor of SHAPE."""
    depth, count = len(places), places[0].size
    sizes = [size for size in shape[:depth] if isinstance(size, int)]
    total = int(np.prod(sizes))
    if len(sizes) < depth or not count or not 0 < total <= MOST_PLACES:
        return None
    columns = [
        np.where(column < 0, column + size, column) for column, size in zip(places, sizes, strict=True)
    ]
    if any((column < 0).any() or (column >= size).any() for column, size in zip(columns, sizes, strict=True)):
        return None
    flat = np.ravel_multi_index([column.reshape(-1) for column in columns], sizes)
    owners = np.full(total, -1, np.int64)
    np.maximum.at(owners, flat, np.arange(count))
    return KnownScatter(owners, count, depth, repeated=len(np.unique(flat)) < count)
