"""Channel shuffles: reshape, transpose, reshape that only give elements other places along axis 1."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.affine import Dim, floordiv
from ...dialects.core.ir import Operation, Value
from ...dialects.graph.movement import Reshape, Transpose


@dataclass(frozen=True)
class Shuffle:
    """Channel `i*inner + j` of the source becomes channel `j*outer + i` of what the last of OPS gives."""

    source: Value
    ops: tuple[Operation, ...]
    outer: int
    inner: int

    @property
    def result(self) -> Value:
        return self.ops[-1].result

    def moved(self, index: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """Where the source's element at INDEX goes."""
        channel = index[1]
        group = floordiv(channel, self.inner)
        place = (channel - group * self.inner) * self.outer + group
        return (index[0], place, *index[2:])


def shuffle_of(value: Value) -> Shuffle | None:
    """The channel shuffle that gives VALUE; None when something else does."""
    join = value.producer
    turn = join.x.producer if isinstance(join, Reshape) else None
    split = turn.x.producer if isinstance(turn, Transpose) else None
    if not isinstance(join, Reshape) or not isinstance(turn, Transpose) or not isinstance(split, Reshape):
        return None
    shape, parts = split.x.type.shape, split.result.type.shape
    if len(parts) != len(shape) + 1 or len(shape) < 2 or value.type.shape != shape:
        return None
    outer, inner = parts[1], parts[2]
    whole = (parts[0], *parts[3:]) == (shape[0], *shape[2:])
    swaps = tuple(turn.perm) == (0, 2, 1, *range(3, len(parts)))
    if not whole or not swaps or not isinstance(outer, int) or not isinstance(inner, int):
        return None
    return Shuffle(split.x, (split, turn, join), outer, inner)
