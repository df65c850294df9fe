"""Trip counts that are quotients of numbers in inputs, rounded up, as in the body of ONNX's Range."""

from __future__ import annotations

from ...dialects.core.affine import Dim
from ...dialects.core.contents import parts_of
from ...dialects.core.dtypes import BOOL, F32, F64, I32, I64
from ...dialects.core.ir import Value
from ...dialects.graph.activations import Relu
from ...dialects.graph.binary import Div, Sub
from ...dialects.graph.constants import Constant, Dims
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.unary import Ceil
from .builder import Builder
from .contents import ANY, Contents, Unread, content_of, merged
from .problems import Refused
from .tensor import Tensor

_WIDE = (I32, I64, F32, F64)  # types that hold the numbers in inputs that sizes depend on
WHAT = "how many elements its scan outputs have"


def quotient(builder: Builder, trip: Value) -> tuple[Dim, Dim] | None:
    """A and B of the scalar TRIP = max(ceil(A / B), 0), for whole numbers known before a run, or their
    differences.

    None if TRIP is no such quotient. Raises Unread if they are the content of inputs, Refused if they depend
    on other data.
    """
    top = _number(trip).producer
    rounded = _number(top.inputs[0]).producer if isinstance(top, Relu) else None
    divided = _number(rounded.inputs[0]).producer if isinstance(rounded, Ceil) else None
    if not isinstance(divided, Div) or not divided.x.type.dtype.is_float:
        return None
    parts = [_Number(builder, value) for value in divided.inputs]
    unread: Contents = {}
    for part in parts:
        unread = merged(unread, part.unread)
    if unread:
        raise Unread(f"{WHAT} depends on the data of the inputs", unread)
    return parts[0].value, parts[1].value


class _Number:
    """The whole number in a scalar: its `value`, or the inputs that must be read for it (`unread`)."""

    def __init__(self, builder: Builder, scalar: Value) -> None:
        self.value: Dim = 0
        self.unread: Contents = {}
        scalar = _number(scalar)
        op = scalar.producer
        if isinstance(op, Sub):
            left, right = (_Number(builder, each) for each in op.inputs)
            self.value, self.unread = left.value - right.value, merged(left.unread, right.unread)
            return
        known = _held(builder, scalar)
        if known is not None:
            self.value = known
            return
        try:
            builder.known_dims(Tensor.of(scalar), WHAT, [ANY])
        except Unread as found:
            if not found.contents:
                raise
            self.unread = found.contents


def _number(value: Value) -> Value:
    """The value of the same number as the scalar VALUE, possibly of another type or rank.

    It may be a truncated fraction: no input that is read holds one.
    """
    while isinstance(op := value.producer, Reshape) or (isinstance(op, Cast) and op.to in _WIDE):
        value = op.inputs[0]
    return value


def is_the_truth_of(condition: Value, trip: Value) -> bool:
    """Whether CONDITION is false only if TRIP is 0: it tests a number that TRIP is a cast of."""
    condition = _without_axes(condition)
    if not isinstance(condition.producer, Cast) or condition.type.dtype is not BOOL:
        return False
    number, value = _without_axes(condition.producer.inputs[0]), _without_axes(trip)
    while value is not number and isinstance(value.producer, Cast):
        value = _without_axes(value.producer.inputs[0])
    return value is number


def _without_axes(value: Value) -> Value:
    while isinstance(value.producer, Reshape):
        value = value.producer.inputs[0]
    return value


def _held(builder: Builder, scalar: Value) -> Dim | None:
    """The known whole number in SCALAR. Raises Refused for a fraction."""
    op = scalar.producer
    if isinstance(op, Constant):
        number = float(op.array().item())
        if not number.is_integer():
            raise Refused(f"{WHAT} is a quotient of fractions")
        return int(number)
    if isinstance(op, Dims):
        values: tuple[Dim, ...] = op.values
        return values[0]
    content = content_of(Tensor.of(scalar), builder.module)
    if content is None or any(under != 1 for under in content[1 :: parts_of(scalar.type)]):
        return None
    return content[0]
