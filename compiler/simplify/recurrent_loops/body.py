"""The values in the body of a loop: which depend on what it carries, and what they are behind reshapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....dialects.control import Loop, captured
from ....dialects.core.affine import Dim
from ....dialects.core.ir import Operation, Value
from ....dialects.core.module import Module
from ....dialects.graph.constants import Constant
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.movement.slicing import Slice


class NoRecurrence(Exception):
    """The body of a loop is no cell."""


class StepBody:
    """The body of LOOP, in MODULE. `states` are the values that it carries, as its region has them."""

    def __init__(self, loop: Loop, module: Module) -> None:
        self.loop, self.module = loop, module
        self.states = loop.body.block.arguments[1 : 1 + loop.carried]
        self._fed = self._dependents()

    def _dependents(self) -> set[Value]:
        found: set[Value] = set(self.states)
        for op in self.loop.body.block:
            if any(value in found for value in op.inputs):
                found.update(op.results)
        return found

    def depends(self, value: Value) -> bool:
        """Whether VALUE depends on what the loop carries."""
        return value in self._fed

    def array(self, value: Value | None) -> np.ndarray[Any, Any] | None:
        """The array of VALUE if that is a constant, here or outside."""
        found = None if value is None else captured(value)
        producer = None if found is None else found.producer
        return producer.array(self.module) if isinstance(producer, Constant) else None

    def is_splat(self, value: Value | None, number: float) -> bool:
        """Whether VALUE is a constant whose elements all are NUMBER."""
        array = self.array(value)
        return array is not None and array.size > 0 and bool((array == number).all())


def rows_of(value: Value) -> tuple[Dim, ...]:
    """The dimensions of VALUE other than 1, and its last one."""
    return (*(size for size in value.type.shape[:-1] if size != 1), *value.type.shape[-1:])


def bare(value: Value) -> Value:
    """VALUE before reshapes that only add or drop dimensions of 1."""
    while isinstance(op := value.producer, Reshape) and value.type.rank and rows_of(op.x) == rows_of(value):
        value = op.x
    return value


def uncut(value: Value, start: int = 0) -> tuple[Value, int]:
    """VALUE before slices of its last axis, and where its first column, START of VALUE, is there."""
    while True:
        value = bare(value)
        op = value.producer
        if not isinstance(op, Slice) or not cuts_columns(op):
            return value, start
        first = op.starts[-1]
        assert isinstance(first, int)
        value, start = op.x, start + first


def cuts_columns(op: Slice) -> bool:
    """Whether OP takes neighbouring elements of the last axis, and all others of the rest."""
    others = zip(op.starts[:-1], op.sizes[:-1], op.x.type.shape[:-1], strict=True)
    whole = all(start == 0 and size == extent for start, size, extent in others)
    return whole and isinstance(op.starts[-1], int) and all(step == 1 for step in op.step_list)


def operands_of(value: Value, kind: type[Operation]) -> tuple[Value, Value] | None:
    """The operands of the binary op of KIND that VALUE is; None if it is none."""
    op = bare(value).producer
    return (op.inputs[0], op.inputs[1]) if isinstance(op, kind) else None


def either_way(value: Value, kind: type[Operation]) -> Iterator[tuple[Value, Value]]:
    """The operands of the commutative op of KIND that VALUE is, in both orders."""
    found = operands_of(value, kind)
    if found is not None:
        yield found
        yield found[::-1]
