"""Leading dimensions of attention split into finer ones: a batch into windows, heads into groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Value
from ...dialects.graph.movement.reshape import Reshape
from ..patterns.rewrite import Rewriter
from .movement import joined_dimensions


@dataclass(frozen=True)
class Leading:
    """The leading dimensions `joined` of attention as the dimensions `split`; groups: for each of the former,
    those of the latter that it is made of."""

    joined: tuple[Dim, ...]
    groups: tuple[tuple[Dim, ...], ...]

    @staticmethod
    def of(joined: Sequence[Dim], split: Sequence[Dim]) -> Leading | None:
        """JOINED as SPLIT; None where that does not split each dimension by itself."""
        joined, split = tuple(joined), tuple(split)
        if joined == split:
            return Leading(joined, tuple((size,) for size in joined))
        axes = joined_dimensions(split, joined)
        if axes is None:
            return None
        return Leading(joined, tuple(tuple(split[axis] for axis in group) for group in axes))

    @property
    def is_same(self) -> bool:
        """Whether nothing is split."""
        return all(len(group) == 1 for group in self.groups)

    def split(self, value: Value, rewriter: Rewriter) -> Value:
        """VALUE, whose leading dimensions broadcast to the joined ones, with these split."""
        shape = value.type.shape
        own = (1,) * (len(self.joined) + 2 - len(shape)) + shape[:-2]
        broadcast = next((place for place, size in enumerate(own) if size != 1), len(own))
        if self.is_same or broadcast == len(own):
            return value
        parts = list(zip(own, self.groups, strict=True))[broadcast:]
        leading = (part for size, group in parts for part in (group if size != 1 else (1,) * len(group)))
        return rewriter.insert(Reshape(value, shape=(*leading, *shape[-2:]))).result
