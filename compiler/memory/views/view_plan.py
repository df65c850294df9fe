"""The view plan: which values of a precision-level function own a buffer, and which are parts of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ....dialects.core.ir import Operation, Value
from ....dialects.core.types import TensorType
from ....dialects.graph.movement.reshape import Reshape
from ...patterns.strided import part, reshaped, settled
from .pure_movement import SourceSlice


@dataclass(frozen=True)
class ViewPlace:
    """A part of the buffer of `root`, or all of it: a type whose layout is relative to the buffer's start."""

    root: Value
    type: TensorType


@dataclass(frozen=True)
class Copy:
    """A copy of a tensor, or of a slice of it, to its place in a concat."""

    source: Value
    place: ViewPlace
    cut: SourceSlice | None = None


@dataclass
class ViewPlan:
    """The decisions: values that are parts of another value's buffer (`places`), kernels that are elided
    (`elided`), and the copies that run instead of a kernel (`copies`). A value with longer rows is a part of
    a buffer of its own, which holds a tensor of another type (`wholes`)."""

    places: dict[Value, ViewPlace] = field(default_factory=dict)
    elided: set[Operation] = field(default_factory=set)
    copies: dict[Operation, list[Copy]] = field(default_factory=dict)
    wholes: dict[Value, TensorType] = field(default_factory=dict)

    def place_of(self, value: Value, more: Mapping[Value, ViewPlace] | None = None) -> ViewPlace:
        """The place of VALUE with the plan and MORE; a value that neither names owns its buffer.

        Raises ValueError when a reshape of VALUE would have to move elements.
        """
        place = self.find(value, more)
        if place is None:
            raise ValueError("a reshape was planned that memory does not allow")
        return place

    def find(self, value: Value, more: Mapping[Value, ViewPlace] | None = None) -> ViewPlace | None:
        """Like `place_of`; None when a reshape would have to move elements."""
        chain = [value]
        while isinstance(chain[-1].producer, Reshape):
            chain.append(chain[-1].producer.x)
        base = chain.pop()
        place = (more or {}).get(base) or self.places.get(base)
        if place is None:
            return ViewPlace(base, base.type) if not chain else ViewPlace(base, value.type)
        for view in reversed(chain):
            type = reshaped(place.type, view.type.shape)
            if type is None:
                return None
            place = ViewPlace(place.root, type)
        return place

    def source_of(self, copy: Copy, more: Mapping[Value, ViewPlace] | None = None) -> ViewPlace:
        """The place that COPY reads from, with the plan and MORE."""
        place = self.place_of(copy.source, more)
        if copy.cut is None:
            return place
        return ViewPlace(place.root, part(place.type, copy.cut.starts, copy.place.type.shape, copy.cut.steps))

    def accessed_type(self, value: Value, more: Mapping[Value, ViewPlace] | None = None) -> TensorType:
        """The type, with strides, by which kernels access VALUE, with the plan and MORE."""
        place = self.place_of(value, more)
        return value.type if place.type == value.type else settled(place.type, value.type.layout)[1]


def base_of(value: Value) -> Value:
    """The value that VALUE is a view of, through any number of reshapes."""
    while isinstance(value.producer, Reshape):
        value = value.producer.x
    return value


def with_reshapes(base: Value) -> Iterator[Value]:
    """BASE and all reshapes of it."""
    pending = [base]
    while pending:
        value = pending.pop()
        yield value
        pending.extend(user.result for user in value.users if isinstance(user, Reshape))
