"""Recognizes channel shuffles: reshape, transpose and reshape that only permute channels (axis 1)."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.affine import Dim, floordiv
from ...dialects.core.ir import Operation, Value
from ...dialects.graph.movement.reshape import Reshape, Transpose


@dataclass(frozen=True)
class Shuffle:
    """A channel shuffle: channel `i*inner + j` of `source` becomes channel `j*outer + i` of the result.

    `ops` are the reshape, transpose and reshape that do it, in order.
    """

    source: Value
    ops: tuple[Operation, ...]
    outer: int
    inner: int

    @property
    def result(self) -> Value:
        """The shuffled value, which the last op gives."""
        return self.ops[-1].result

    def moved(self, index: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """The index in the result of the source's element at INDEX."""
        channel = index[1]
        group = floordiv(channel, self.inner)
        place = (channel - group * self.inner) * self.outer + group
        return (index[0], place, *index[2:])

    @staticmethod
    def of(value: Value) -> Shuffle | None:
        """The channel shuffle that produces VALUE; None when its producer is not the end of one."""
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
