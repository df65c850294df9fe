"""Strided views: reshape, transpose, slice and expand that only reinterpret a buffer, without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, product, total
from ...dialects.core.ir import Operation
from ...dialects.core.types import TensorType
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice


@dataclass(frozen=True)
class Strided:
    """A strided view of a buffer: a shape, a stride per dimension and an offset, counted in elements."""

    shape: tuple[Dim, ...]
    strides: tuple[Dim, ...]
    offset: Dim = 0

    def step(self, axis: int, rank: int) -> Dim:
        """The stride along AXIS of a result of RANK dimensions to which this view is broadcast.

        It is 0 where the view has size 1 or lacks the dimension.
        """
        own = axis - (rank - len(self.shape))
        return 0 if own < 0 or self.shape[own] == 1 else self.strides[own]

    @staticmethod
    def of(type: TensorType) -> Strided:
        """The view of a buffer that a tensor of TYPE is, by its layout."""
        return Strided(type.shape, type.strides, type.layout.offset)

    def through(self, op: Operation) -> Strided | None:
        """The result of OP, whose operand is this view, as a view of the same buffer.

        None when OP must copy elements, or is not a movement of elements.
        """
        match op:
            case Transpose():
                return _permuted(self, op.perm)
            case Reshape():
                return reshaped(self, op.result.type.shape)
            case Slice():
                starts = (start * stride for start, stride in zip(op.starts, self.strides, strict=True))
                strides = tuple(a * b for a, b in zip(self.strides, op.step_list, strict=True))
                return Strided(op.result.type.shape, strides, total([self.offset, *starts]))
            case Expand() if not op.stretches:
                shape = op.result.type.shape
                strides = tuple(self.step(axis, len(shape)) for axis in range(len(shape)))
                return Strided(shape, strides, self.offset)
        return None

    def behind(self, op: Operation) -> Strided | None:
        """The view to which OP's operand must be written so that its result is this view.

        The inverse of `through`; None when OP must copy elements, or is neither a transpose nor a reshape.
        """
        match op:
            case Transpose():
                return _permuted(self, sorted(range(len(op.perm)), key=op.perm.__getitem__))
            case Reshape():
                return reshaped(self, op.x.type.shape)
        return None


def _permuted(view: Strided, perm: Sequence[int]) -> Strided:
    return Strided(
        tuple(view.shape[axis] for axis in perm), tuple(view.strides[axis] for axis in perm), view.offset
    )


def reshaped(view: Strided, shape: tuple[Dim, ...]) -> Strided | None:
    """The elements of VIEW in row-major order with another SHAPE; None when no strides express that."""
    strides: list[Dim] = [0] * len(shape)
    axis = len(shape) - 1
    for size, step in reversed(_runs(view)):
        covered: Dim = 1
        while covered != size:
            while axis >= 0 and shape[axis] == 1:
                axis -= 1
            if axis < 0:
                return None
            strides[axis] = step * covered
            covered = covered * shape[axis]
            axis -= 1
    rest = product(shape[: axis + 1]) if axis >= 0 else 1
    return Strided(shape, tuple(strides), view.offset) if rest == 1 else None


def _runs(view: Strided) -> list[tuple[Dim, Dim]]:
    """VIEW as (size, stride) pairs, outermost first, with dimensions merged where one stride covers both."""
    runs: list[tuple[Dim, Dim]] = []
    for size, stride in zip(view.shape, view.strides, strict=True):
        if size == 1:
            continue
        if runs and runs[-1][1] == stride * size:
            runs[-1] = (runs[-1][0] * size, stride)
        else:
            runs.append((size, stride))
    return runs
