"""Positions that a model computes: values that count along an axis, as `arange` does, and read masks.

Exporters of functions of positions (of PyTorch's `vmap` over masks, say) index the mask of tokens by all
positions of sequences and of tokens, which is that mask again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import I32, I64
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.binary import Add, GreaterEqual, Less
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.indexing import Range
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ..patterns.matching import constant_array, is_splat
from .places import axis_at

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class AlongAxis:
    """A value whose elements are their positions along `axis`, 0 to `size` - 1."""

    axis: int
    size: Dim


@dataclass(frozen=True)
class Stacked:
    """A value whose last axis has one of `parts` at each position."""

    parts: tuple[AlongAxis, ...]


class Coordinates:
    """The values of MODULE that count, or that stack such."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def counted(self, value: Value) -> AlongAxis | None:
        """VALUE as positions along an axis; None if it is something else."""
        chain: list[Operation] = []
        while (op := value.producer) is not None and (source := self._source(op)) is not None:
            chain.append(op)
            value = source
        found = self._begun(value)
        for op in reversed(chain):
            found = None if found is None else _moved(found, value, op)
            value = op.result
        return found

    def _source(self, op: Operation) -> Value | None:
        """What OP gives the same numbers as, moved or in a wide type of integers."""
        if isinstance(op, Cast):
            return op.x if op.to in (I32, I64) else None
        if isinstance(op, Add):
            x, y = op.inputs
            return next((a for a, b in ((x, y), (y, x)) if is_splat(b, 0, self._module)), None)
        return op.inputs[0] if isinstance(op, (Reshape, Transpose, Expand)) else None

    def stacked(self, value: Value) -> Stacked | None:
        """VALUE as a stack of positions along its last axis."""
        op, last = value.producer, value.type.rank - 1
        if not isinstance(op, Concat) or op.axis % value.type.rank != last:
            return None
        parts = [self.counted(part) if part.type.shape[last] == 1 else None for part in op.parts]
        known = tuple(part for part in parts if part is not None and part.axis != last)
        return Stacked(known) if len(known) == len(parts) else None

    def holds(self, op: Operation) -> bool | None:
        """Whether the comparison OP of positions with 0 holds everywhere, or nowhere; None if neither is
        known."""
        if not isinstance(op, (GreaterEqual, Less)) or not is_splat(op.y, 0, self._module):
            return None
        return None if self.counted(op.x) is None else isinstance(op, GreaterEqual)

    def _begun(self, value: Value) -> AlongAxis | None:
        op = value.producer
        if isinstance(op, Range):
            counts = is_splat(op.start, 0, self._module) and is_splat(op.delta, 1, self._module)
            return AlongAxis(0, op.size) if counts else None
        array = constant_array(value, self._module)
        return None if array is None else _of_array(array)


def _of_array(array: Array) -> AlongAxis | None:
    """The axis along which the numbers of ARRAY count."""
    for axis, size in enumerate(array.shape):
        line = np.arange(size).reshape([-1 if each == axis else 1 for each in range(array.ndim)])
        if (
            size > 1
            and array.dtype.kind in "iu"
            and np.array_equal(array, np.broadcast_to(line, array.shape))
        ):
            return AlongAxis(axis, size)
    return None


def _moved(found: AlongAxis, source: Value, op: Operation) -> AlongAxis | None:
    """FOUND, which is SOURCE, behind OP."""
    before: Sequence[Dim] = source.type.shape
    after: Sequence[Dim] = op.result.type.shape
    if isinstance(op, Transpose):
        return AlongAxis(list(op.perm).index(found.axis), found.size)
    if isinstance(op, Reshape):
        axis = axis_at(after, before, found.axis)
        return None if axis is None else AlongAxis(axis, found.size)
    return AlongAxis(found.axis + len(after) - len(before), found.size)
