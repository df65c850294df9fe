"""Common parts of the graph dialect's ops: broadcasting, axes and checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.affine import Dim
from ..core.attributes import EDGES
from ..core.diagnostics import op_error, operand_at, size_mismatch
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.ir import Operation
from ..core.op import attribute
from ..core.parts import AttributeAt, Part
from ..core.types import TensorType
from .position import Position

PLAIN_MS = 0.5  # `compile_ms` of an op of one or two instructions


class GraphOp(Operation):
    """An op of the graph level. An op with one result may define it as a scalar expression.

    nofuse: run the op in a kernel of its own, or in one without the producers of the named operands.
    compile_ms: milliseconds that NVRTC takes over one copy of the op's code. It bounds fusion, so elementwise
    ops state it.
    """

    compile_ms: ClassVar[float] = PLAIN_MS
    nofuse = attribute(EDGES, None, discardable=True)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        """The scalar expression of the (only) result's element at INDEX, one Dim per dimension."""
        raise op_error(self, "has no scalar definition")

    def taken_positions(self) -> Iterable[Position]:
        """Its operands that hold positions, which data may put outside of the axis that they are along."""
        return ()

    def magnitudes(self, evaluation: Evaluation, *arguments: Any) -> Any:
        """What the magnitudes of an op's products of ARGUMENTS add up to, if it is a sum of products."""
        return self.evaluate(evaluation, *(None if a is None else np.abs(a) for a in arguments))


def is_scalar(op: Operation) -> bool:
    """Whether OP defines an element of its result as a scalar expression."""
    return isinstance(op, GraphOp) and type(op).define is not GraphOp.define


def nofuse_of(op: Operation) -> bool | tuple[int, ...] | None:
    """OP's `nofuse` attribute; None for unmarked ops and for those of other dialects."""
    return op.nofuse if isinstance(op, GraphOp) else None


def broadcast_shapes(op: Operation, shapes: Sequence[tuple[Dim, ...]], trailing: int = 0) -> tuple[Dim, ...]:
    """Numpy broadcasting of symbolic shapes, which are followed by TRAILING more dimensions.

    Raises a located SizeMismatch if two dimensions are spelled differently.
    """
    if shapes and shapes.count(shapes[0]) == len(shapes):
        return shapes[0]
    rank = max((len(shape) for shape in shapes), default=0)
    result: list[Dim] = [1] * rank
    for shape in shapes:
        for position, size in enumerate(shape, rank - len(shape)):
            if size == 1 or size == result[position]:
                continue
            if result[position] != 1:
                text = " and ".join(str(list(map(str, s))) for s in shapes)
                axis = position - rank - trailing
                raise size_mismatch(
                    op, f"the shapes {text} do not broadcast", result[position], size, stretched=axis
                )
            result[position] = size
    return tuple(result)


def same_size(op: Operation, left: Dim, right: Dim, message: str, at: Part | None = None) -> None:
    """Raise a located SizeMismatch with MESSAGE unless two sizes are spelled the same."""
    if left != right:
        raise size_mismatch(op, message, left, right, at=at)


def same_shape(
    op: Operation, left: Sequence[Dim], right: Sequence[Dim], message: str, at: Part | None = None
) -> None:
    """Apply `same_size` to every dimension; raises IRError with MESSAGE for shapes of different rank."""
    if len(left) != len(right):
        raise op_error(op, message, at=at)
    for a, b in zip(left, right, strict=True):
        same_size(op, a, b, message, at)


def normalize_axis(op: Operation, axis: int, rank: int) -> int:
    """AXIS counted from the front. Raises a located IRError if it is out of range."""
    if not -rank <= axis < max(rank, 1):
        raise op_error(op, f"axis {axis} is outside a tensor of {rank} dimensions", at=axis_at(op))
    return axis + rank if axis < 0 else axis


def axis_at(op: Operation) -> AttributeAt:
    """The attribute that holds OP's axis or axes, for the location of an error."""
    return AttributeAt("axes" if "axes" in op.attributes else "axis")


def same_dtype(op: Operation, types: Sequence[TensorType]) -> None:
    """Raise a located IRError unless all TYPES, of operands of OP, share an element type."""
    odd = next((type for type in types if type.dtype != types[0].dtype), None)
    if odd is None:
        return
    names = ", ".join(sorted({type.dtype.name for type in types}))
    at = next((operand_at(op, value) for value in op.inputs if value.type is odd), None)
    message = f"its operands have different element types: {names}"
    raise op_error(op, message, at=at, label=f"this is {odd.dtype}, the first {types[0].dtype}")


def surely_negative(dim: Dim) -> bool:
    """Whether DIM is a negative number; sizes with symbols are decided through `needs`."""
    return isinstance(dim, int) and dim < 0


def dims_text(dims: Sequence[Dim]) -> str:
    """DIMS as text for a message, such as `[2, N]`."""
    return "[" + ", ".join(map(str, dims)) + "]"
