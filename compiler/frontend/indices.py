"""Bounds checks of constant indices; ONNX requires indices to be within their axis."""

from __future__ import annotations

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.binary import Add
from ...dialects.graph.constants import Constant, Dims
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.indexing import Range
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from . import symbolic
from .call import Call
from .symbolic import Array, Undecided
from .tensor import Tensor

Extremes = tuple[Dim, Dim]  # the smallest and the largest of some numbers
_KEPT = (Cast, Expand, Reshape, Transpose)  # ops whose results have the numbers of their first operand


def require_inside(call: Call, indices: Tensor, axis: int, extent: Dim) -> None:
    """Require the known INDICES to be within AXIS of size EXTENT; negative ones count from its end.

    Raises Conflict if one cannot be.
    """
    for least, most in _extremes(call, indices):
        call.require(extent, most + 1, f"the index {most} is inside axis {axis}")
        call.require(extent, -1 * least, f"the index {least} is inside axis {axis}")


def _extremes(call: Call, tensor: Tensor) -> list[Extremes]:
    if tensor.data is not None:
        return _of_array(tensor.data)
    if tensor.sizes is not None:
        try:
            return [(dim, dim) for dim in symbolic.as_dims(tensor.sizes)]
        except Undecided:
            return []
    assert tensor.value is not None  # a tensor has data, sizes or a value
    found = _of_value(tensor.value, call.builder.module)
    return [] if found is None else [found]


def _of_array(array: Array) -> list[Extremes]:
    return [(int(array.min()), int(array.max()))] if array.size and array.dtype.kind in "iu" else []


def _of_value(value: Value, module: Module) -> Extremes | None:
    """The smallest and largest element of VALUE if it is a range of positions, possibly moved or shifted."""
    op = value.producer
    if isinstance(op, _KEPT):
        return _of_value(op.inputs[0], module)
    if isinstance(op, Range):
        return _of_range(op, module)
    if isinstance(op, Add):
        return _shifted(op, module)
    number = _number(value, module)
    return None if number is None else (number, number)


def _of_range(op: Range, module: Module) -> Extremes | None:
    start, delta = _number(op.start, module), _number(op.delta, module)
    if start is None or not isinstance(delta, int) or delta < 1:
        return None
    return start, start + (op.size - 1) * delta


def _shifted(op: Operation, module: Module) -> Extremes | None:
    """The extremes of a range with a number added."""
    for place in (0, 1):
        found, by = _of_value(op.inputs[place], module), _number(op.inputs[1 - place], module)
        if found is not None and by is not None:
            return found[0] + by, found[1] + by
    return None


def _number(value: Value, module: Module) -> Dim | None:
    """The only element of VALUE, if it is known."""
    op = value.producer
    if isinstance(op, _KEPT) and op.inputs[0].type.elements == 1:
        return _number(op.inputs[0], module)
    if isinstance(op, Dims) and len(op.values) == 1:
        dims: tuple[Dim, ...] = op.values
        return dims[0]
    if isinstance(op, Constant) and op.y.type.dtype.is_integer and op.y.type.elements == 1:
        return int(op.array(module).reshape(-1)[0])
    return None
