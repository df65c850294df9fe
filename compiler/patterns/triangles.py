"""Conditions that hold on the lower triangle of the last two dimensions, in the ops that exporters emit."""

from __future__ import annotations

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Value
from ...dialects.core.module import Module
from ...dialects.graph.binary import Greater, GreaterEqual, Less, LessEqual
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.indexing import Range
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.trilu import Trilu
from ...dialects.graph.unary import Not
from .matching import Array, constant_array, is_splat

ROW, COLUMN = 1, 0  # axes, counted from the last


def is_triangle(value: Value, module: Module, *, inverted: bool = False) -> bool:
    """Whether VALUE (if INVERTED, its negation) is true just where the column is at most the row."""
    array = constant_array(value, module)
    if array is not None:
        return array.dtype == np.bool_ and is_triangle_of(~array if inverted else array)
    match value.producer:
        case Not() as op:
            return is_triangle(op.x, module, inverted=not inverted)
        case Reshape() | Expand() as op if op.x.type.shape[-2:] == value.type.shape[-2:]:
            return is_triangle(op.x, module, inverted=inverted)
        case Cast() as op if not op.x.type.dtype.is_float:
            return is_triangle(op.x, module, inverted=inverted)
        case Trilu() as op:
            return (op.upper, op.k) == ((True, 1) if inverted else (False, 0)) and _is_one(op.x, module)
        case LessEqual() | GreaterEqual() as op if not inverted:
            columns, rows = (op.x, op.y) if isinstance(op, LessEqual) else (op.y, op.x)
        case Less() | Greater() as op if inverted:
            columns, rows = (op.y, op.x) if isinstance(op, Less) else (op.x, op.y)
        case _:
            return False
    return _counted_along(columns, module) == COLUMN and _counted_along(rows, module) == ROW


def is_triangle_of(array: Array) -> bool:
    """The same for the conditions in ARRAY."""
    if array.ndim < 2 or array.size != array.shape[-1] * array.shape[-2]:
        return False
    return bool((array.reshape(array.shape[-2:]) == np.tri(*array.shape[-2:], dtype=np.bool_)).all())


def _is_one(value: Value, module: Module) -> bool:
    """Whether all elements of VALUE are known to be 1, or true."""
    while isinstance(value.producer, (Expand, Cast)):
        value = value.producer.x
    return is_splat(value, 1, module)


def _counted_along(value: Value, module: Module) -> int | None:
    """The axis, counted from the last, whose index VALUE is; None for anything else."""
    op = value.producer
    array = constant_array(value, module)
    if array is not None:
        shape: tuple[Dim, ...] = array.shape
        return _only_axis(shape) if (array.reshape(-1) == np.arange(array.size)).all() else None
    match op:
        case Range():
            starts = is_splat(op.start, 0, module) and is_splat(op.delta, 1, module)
            return COLUMN if starts else None
        case Reshape():
            one = _counted_along(op.x, module) is not None and _only_axis(op.x.type.shape) is not None
            return _only_axis(value.type.shape) if one else None
        case Expand():
            return _counted_along(op.x, module)
        case Cast() if not op.x.type.dtype.is_float and not op.to.is_float:
            return _counted_along(op.x, module)
    return None


def _only_axis(shape: tuple[Dim, ...]) -> int | None:
    """The one dimension of SHAPE that is not 1, counted from the last; None if there is not just one."""
    axes = [axis for axis, size in enumerate(reversed(shape)) if size != 1]
    return axes[0] if len(axes) == 1 else None
