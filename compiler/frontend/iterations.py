"""Induction variables of loop bodies and sums with them, such as the start and the end of `x[i : i + 2]`.

They are data, but their difference is certain, and they are largest in the last iteration.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.dtypes import I32, I64
from ...dialects.core.ir import Value
from ...dialects.graph.binary import Add, Sub
from ...dialects.graph.constants import Constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.indexing import Gather, Range
from ...dialects.graph.movement.reshape import Reshape
from .builder import Builder
from .call import Call
from .tensor import Lost, Tensor


@dataclass(frozen=True)
class _Growing:
    """The iteration number of the loop `of`, plus `more`."""

    of: Value
    more: int


def sliced_by_iteration(call: Call) -> Tensor | None:
    """The result of a Slice of a fixed number of elements from the iteration of a loop on, along one axis;
    None where it is another. That all iterations stay inside is required.
    """
    builder, x = call.builder, call.input(0)
    start, end = (_growing(builder, call.input(index)) for index in (1, 2))
    if start is None or end is None or start.of is not end.of or isinstance(x, Lost):
        return None
    count, steps = end.more - start.more, call.optional(4)
    axes = (0,) if call.optional(3) is None else call.known_dims(3, "its list of axes")
    alone = steps is None or (steps.data is not None and [*steps.data.reshape(-1)] == [1])
    if not alone or start.more < 0 or count <= 0 or len(axes) != 1 or not isinstance(axes[0], int):
        return None
    axis = call.axis(axes[0], x.rank)
    last = builder.iterations[start.of] - 1 + end.more
    call.require(x.shape[axis], last, f"every iteration finds {count} elements along axis {axis}")
    first = call.emit(Reshape, call.input(1), shape=())
    step = call.constant(1, first.dtype)
    return call.emit(Gather, x, call.emit(Range, first, step, size=count), axis=axis)


def _growing(builder: Builder, tensor: Tensor) -> _Growing | None:
    """TENSOR, of one element, in terms of the iteration number of a loop with a known trip count."""
    if isinstance(tensor, Lost) or tensor.is_known or tensor.value is None or tensor.type.elements != 1:
        return None
    value, more = tensor.value, 0
    while value not in builder.iterations:
        op = value.producer
        if isinstance(op, Reshape) or (isinstance(op, Cast) and op.to in (I32, I64)):
            value = op.inputs[0]
        elif isinstance(op, (Add, Sub)):
            one, other = op.inputs
            if isinstance(op, Add) and isinstance(one.producer, Constant):
                one, other = other, one
            number = other.producer
            if not isinstance(number, Constant) or number.result.type.elements != 1:
                return None
            added = int(number.array(builder.module).item())
            value, more = one, more + (added if isinstance(op, Add) else -added)
        else:
            return None
    return _Growing(value, more)
