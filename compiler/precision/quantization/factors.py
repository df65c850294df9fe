"""Factors of channels that move to constants before a tensor: exact rewritings, up to the rounding of these.

layer_norm(x, g, b) * f          =>  layer_norm(x, g * f, b * f)
(matmul(x, w) + b) * f           =>  matmul(x, w * f) + b * f
relu(x) * f                      =>  relu(x * f), for factors above 0
reshape(x) * f, transpose(x) * f =>  reshape(x * f'), transpose(x * f')
attention(q, k, v) * f           =>  attention(q, k, v * f), for factors of heads and features
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ....dialects.core.affine import Dim
from ....dialects.core.ir import Operation, Value
from ....dialects.core.module import Module
from ....dialects.graph.activations import Relu
from ....dialects.graph.attention import Attention
from ....dialects.graph.binary import Add
from ....dialects.graph.constants import constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.movement.reshape import Reshape, Transpose
from ....dialects.graph.normalization import LayerNorm, RmsNorm
from ...patterns.matching import constant_array

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Scaled:
    """A constant operand of an op that takes factors: the op, the operand's index, and its new numbers."""

    op: Operation
    index: int
    array: Array

    def apply(self, module: Module) -> None:
        """Give the op its new operand."""
        assert self.op.parent is not None
        new = constant(module, self.array.astype(np.float32), self.op.location)
        self.op.set_operand(self.index, self.op.parent.insert_before(self.op, new).result)


def scaled_before(value: Value, factors: Array, module: Module) -> list[Scaled] | None:
    """What to change so that VALUE is multiplied by FACTORS, which have its rank and broadcast to it; None
    where what makes it cannot take them."""
    op = value.producer
    match op:
        case LayerNorm() | RmsNorm():
            return _of_norm(op, factors, module)
        case Matmul() if _varies(factors) <= {factors.ndim - 1}:
            weights = constant_array(op.b, module)
            row = factors.reshape(-1)
            if weights is None or op.a is op.b:
                return None
            return [Scaled(op, 1, weights * (row[:, None] if op.transpose_b else row))]
        case Add():
            return _of_sum(op, factors, module)
        case Relu() if (factors > 0).all():
            return _further(op.x, factors, module)
        case Reshape():
            moved = _before_reshape(factors, op.x.type.shape, op.result.type.shape)
            return None if moved is None else _further(op.x, moved, module)
        case Transpose():
            return _further(op.x, factors.transpose(np.argsort(op.perm)), module)
        case Attention():
            alike = all(op.v.type.shape[axis] == value.type.shape[axis] for axis in _varies(factors))
            inside = op.v.type.rank == factors.ndim and factors.ndim - 2 not in _varies(factors)
            return _further(op.v, factors, module) if inside and alike else None
    return None


def _further(value: Value, factors: Array, module: Module) -> list[Scaled] | None:
    """The same for VALUE, which one op alone must read."""
    return scaled_before(value, factors, module) if len(value.uses) == 1 else None


def _varies(factors: Array) -> set[int]:
    """The axes along which FACTORS vary."""
    return {axis for axis, size in enumerate(factors.shape) if size != 1}


def _of_norm(op: LayerNorm | RmsNorm, factors: Array, module: Module) -> list[Scaled] | None:
    first = op.axis % op.x.type.rank
    if any(axis < first for axis in _varies(factors)):
        return None
    own = factors.reshape(factors.shape[first:])
    changes = []
    for index, value in enumerate(op.operands[1:], start=1):
        array = constant_array(value, module)
        if value is not None and (array is None or array.ndim > own.ndim):
            return None
        if array is not None:
            changes.append(Scaled(op, index, array * own))
    return changes


def _of_sum(op: Add, factors: Array, module: Module) -> list[Scaled] | None:
    for index, (given, other) in enumerate(((op.y, op.x), (op.x, op.y))):
        array = constant_array(given, module)
        if array is not None and other.type == op.result.type:
            changes, short = _further(other, factors, module), factors
            while short.ndim > max(array.ndim, 1) and short.shape[0] == 1:
                short = short[0]
            return None if changes is None else [*changes, Scaled(op, 1 - index, array * short)]
    return None


def _before_reshape(factors: Array, old: tuple[Dim, ...], new: tuple[Dim, ...]) -> Array | None:
    """FACTORS of a tensor of the shape NEW, as those of the same elements in the shape OLD."""
    first = min(_varies(factors), default=len(new))
    ends = new[first:]
    if not all(isinstance(size, int) for size in ends):
        return None
    count, start, covered = int(np.prod([int(str(size)) for size in ends])), len(old), 1
    while covered < count and start > 0:
        start -= 1
        size = old[start]
        if not isinstance(size, int):
            return None
        covered *= size
    if covered != count:
        return None
    whole = np.broadcast_to(factors.reshape(factors.shape[first:]), [int(str(size)) for size in ends])
    return whole.reshape((1,) * start + tuple(int(str(size)) for size in old[start:]))
