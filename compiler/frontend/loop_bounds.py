"""The bound of a loop from its condition: `i + 1 < n and not done` ends it after n iterations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...dialects.core.affine import Dim, ceildiv
from ...dialects.core.dtypes import I32, I64
from ...dialects.core.ir import Value
from ...dialects.graph.binary import Add, And, Greater, GreaterEqual, Less, LessEqual, Sub
from ...dialects.graph.constants import Constant, Dims
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.unary import Not
from .builder import Builder
from .contents import SIZE, content_of
from .tensor import Tensor

WHAT = "how many elements its scan outputs have"
_TURNED = {Greater: Less, GreaterEqual: LessEqual}
_NEGATED = {Greater: LessEqual, GreaterEqual: Less, Less: GreaterEqual, LessEqual: Greater}


@dataclass(frozen=True)
class LoopBounds:
    """Bounds on the iterations of a loop whose region takes the value `iteration`.

    carried: for the argument of each carried value, its initial value and its value in the next iteration.
    """

    builder: Builder
    iteration: Value
    carried: Mapping[Value, tuple[Value, Value]]

    def of(self, more: Value) -> Dim | None:
        """The most iterations if the condition MORE must be true for each one but the first; None if it
        bounds nothing.

        Raises Unread if the bound is computed from the content of inputs.
        """
        op = _unmoved(more).producer
        if isinstance(op, And):
            found = [each for each in map(self.of, op.inputs) if each is not None]
            return (
                self.builder.sizes_known.derive("min", *found) if len(found) == 2 else next(iter(found), None)
            )
        negated = isinstance(op, Not)
        if isinstance(op, Not):
            op = _unmoved(op.inputs[0]).producer
        if not isinstance(op, (Greater, GreaterEqual, Less, LessEqual)):
            return None
        kind = _NEGATED[type(op)] if negated else type(op)
        left, right = op.inputs
        if kind in _TURNED:
            kind, left, right = _TURNED[kind], right, left
        return self._until(left, right, 1 if kind is LessEqual else 0)

    def _until(self, left: Value, right: Value, more: int) -> Dim | None:
        """The most iterations if LEFT < RIGHT + MORE must hold."""
        grows = self._progress(left)
        if grows is None or not right.type.dtype.is_integer:
            return None
        start, step = grows
        (limit,) = self.builder.known_dims(self._number(right), WHAT, [SIZE])
        again = ceildiv(limit + more - start, step)
        return self.builder.sizes_known.derive("max", again, 0) + 1

    def _progress(self, value: Value) -> tuple[Dim, int] | None:
        """The value of VALUE in the first iteration, and its increment per iteration."""
        value = _unmoved(value)
        if value is self.iteration:
            return 0, 1
        if value in self.carried:
            initial, following = self.carried[value]
            step = self._added(following, value)
            (start,) = self._known(initial) or (None,)
            return None if step is None or step < 1 or start is None else (start, step)
        op = value.producer
        for of in op.inputs if isinstance(op, (Add, Sub)) else ():
            added = self._added(value, of)
            grows = None if added is None else self._progress(of)
            if added is not None and grows is not None:
                return grows[0] + added, grows[1]
        return None

    def _added(self, value: Value, to: Value) -> int | None:
        """The constant that VALUE adds TO; None if VALUE is not such a sum."""
        op = _unmoved(value).producer
        if not isinstance(op, (Add, Sub)):
            return None
        one, other = op.inputs
        if isinstance(op, Add) and _unmoved(other) is _unmoved(to):
            one, other = other, one
        (number,) = self._known(other) or (None,)
        if _unmoved(one) is not _unmoved(to) or not isinstance(number, int):
            return None
        return number if isinstance(op, Add) else -number

    def _known(self, value: Value) -> tuple[Dim, ...] | None:
        found = self._number(value)
        return self.builder.known_dims(found, WHAT) if found.is_known else None

    def _number(self, value: Value) -> Tensor:
        """VALUE, an integer, with its content if that is known."""
        op = _unmoved(value).producer
        if isinstance(op, Constant) and value.type.dtype.is_integer and value.type.elements == 1:
            return self.builder.constant([int(op.array().item())], value.type.dtype)
        held = (
            op.values if isinstance(op, Dims) else content_of(Tensor.of(_unmoved(value)), self.builder.module)
        )
        return self.builder.dims(held) if held is not None and len(held) == 1 else Tensor.of(value)


def _unmoved(value: Value) -> Value:
    """The integer that VALUE holds in another shape or width."""
    while isinstance(op := value.producer, Reshape) or (isinstance(op, Cast) and op.to in (I32, I64)):
        value = op.inputs[0]
    return value
