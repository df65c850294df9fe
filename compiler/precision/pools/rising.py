"""Which ops never decrease where their operand grows: maxima may be taken before them.

    max(f(x), f(y), ...) = f(max(x, y, ...))

holds, bit for bit, if f never decreases; rounding does not either. A maximum of what has a NaN is NaN, so f
must keep NaN, unless it begins with integers, which have none. What an op computes of an element may depend
on its channel, but not on its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ....dialects.core.ir import Operation, Value
from ....dialects.graph.activations import Relu
from ....dialects.graph.binary import Add, Mul
from ....dialects.graph.elementwise import Cast, Clip
from ....dialects.graph.quantization import Dequantize, Quantize

Array = np.ndarray[Any, Any]
Known = Callable[[Value], Array | None]  # the tensor that a value is, where that is known
CHANNELS = 1  # their axis


def refusal(op: Operation, x: Value, known: Known, *, integers: bool) -> str | None:
    """Why OP may decrease where X grows, which is one of its operands, or differ from place to place; None
    when it does not. INTEGERS: X was computed of integers, and is no NaN."""
    if sum(value is x for value in op.inputs) != 1:
        return f"{op.name} reads it twice"
    rising = _RISING.get(type(op))
    if rising is None:
        return f"{op.name} may decrease where its operand grows"
    return (
        None if rising(op, x, known, integers) else f"{op.name} may decrease, or differ from place to place"
    )


def _add(op: Operation, x: Value, known: Known, integers: bool) -> bool:
    other = _other(op, x, known)
    return other is not None and _is_float(op) and bool(np.isfinite(other).all())


def _mul(op: Operation, x: Value, known: Known, integers: bool) -> bool:
    other = _other(op, x, known)
    return other is not None and _is_float(op) and bool(((other > 0) & np.isfinite(other)).all())


def _cast(op: Operation, x: Value, known: Known, integers: bool) -> bool:
    return _is_float(op) and op.result.type.dtype.bits > 8


def _clip(op: Operation, x: Value, known: Known, integers: bool) -> bool:
    return op.inputs[0] is x


def _scaling(op: Operation, x: Value, known: Known, integers: bool) -> bool:
    if not isinstance(op, (Quantize, Dequantize)) or op.x is not x:
        return False
    scale = known(op.scale)
    if scale is None or not ((scale > 0) & np.isfinite(scale)).all():
        return False
    placed = not op.block and (op.per_tensor or op.axis % op.x.type.rank == CHANNELS)
    if op.zero_point is not None and known(op.zero_point) is None:
        return False
    return placed and (isinstance(op, Dequantize) or (integers and not op.to.is_float))


_RISING: dict[type[Operation], Callable[[Operation, Value, Known, bool], bool]] = {
    Add: _add,
    Mul: _mul,
    Cast: _cast,
    Clip: _clip,
    Relu: lambda op, x, known, integers: True,
    Quantize: _scaling,
    Dequantize: _scaling,
}


def _is_float(op: Operation) -> bool:
    return op.result.type.dtype.is_float


def _other(op: Operation, x: Value, known: Known) -> Array | None:
    """The other operand of OP than X in f64, if it is known and depends on the channel alone."""
    (other,) = (value for value in op.inputs if value is not x)
    tensor, rank = known(other), x.type.rank
    if tensor is None or tensor.ndim > rank:
        return None
    shape = (1,) * (rank - tensor.ndim) + tensor.shape
    if math.prod(shape) != shape[CHANNELS]:
        return None
    return tensor.astype(np.float64)
