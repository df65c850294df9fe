"""Builds the joined contraction of a group of siblings, with a slice for each sibling's result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....dialects.core.affine import Dim
from ....dialects.core.ir import Operation, Value
from ....dialects.core.location import Location, merge
from ....dialects.core.module import Module
from ....dialects.graph.activations import Relu
from ....dialects.graph.binary import Add, Max
from ....dialects.graph.constants import constant
from ....dialects.graph.movement.slicing import Slice
from ...patterns.channel_scale import broadcast_along, channel_axis, weight_of
from ...patterns.matching import constant_array
from .siblings import (
    Array,
    Contraction,
    SiblingStep,
    bias_of,
    biases,
    chains,
    channels,
    of_channels,
    relus,
    weight_axis,
)


@dataclass(eq=False)
class Group:
    """Siblings in the order of their channels, with biases that some of them have, the elementwise steps that
    all of them share, and relus that some of them have."""

    siblings: list[Contraction]
    biases: list[Add | None] | None
    steps: list[SiblingStep]
    relus: list[Relu | None] | None

    @staticmethod
    def of(siblings: Sequence[Contraction], module: Module) -> Group:
        """The group of SIBLINGS, with the biases, steps and relus that follow them."""
        group = Group(list(siblings), biases(siblings, module), [], None)
        group.steps = list(chains(group._biased, group.axis, module))
        group.relus = relus(group._stepped)
        return group

    @property
    def axis(self) -> int:
        return channel_axis(self.siblings[0])

    @property
    def _biased(self) -> list[Value]:
        adds = self.biases or [None] * len(self.siblings)
        return [(add or op).result for add, op in zip(adds, self.siblings, strict=True)]

    @property
    def _stepped(self) -> list[Value]:
        return [op.result for op in self.steps[-1].ops] if self.steps else self._biased

    @property
    def ends(self) -> list[Value]:
        """For each sibling, the last value that the joined ops compute."""
        floors = self.relus or [None] * len(self.siblings)
        return [op.result if op else end for op, end in zip(floors, self._stepped, strict=True)]

    def ordered(self, ends: Sequence[Value], module: Module) -> Group:
        """The same group, with its channels in the order of ENDS."""
        own = self.ends
        return Group.of([self.siblings[own.index(end)] for end in ends], module)


def join(group: Group, module: Module, anchor: Operation) -> None:
    """Replace GROUP by one contraction before ANCHOR, the group's first op.

    Every end becomes a slice of the joined result, along the channels.
    """
    builder = _JoinBuilder(module, anchor)
    value = builder.contraction(group)
    if group.biases is not None:
        value = builder.biased(group, value)
    for step in group.steps:
        value = builder.step(step, value)
    if group.relus is not None:
        value = builder.floors(group, value)
    start = 0
    for op, end in zip(group.siblings, group.ends, strict=True):
        builder.slice(value, end, group.axis, start)
        start += channels(op)
    _erase(group)


@dataclass(frozen=True)
class _JoinBuilder:
    """Inserts the joined ops before ANCHOR."""

    module: Module
    anchor: Operation

    def insert(self, op: Operation) -> Value:
        assert self.anchor.parent is not None
        return self.anchor.parent.insert_before(self.anchor, op).result

    def contraction(self, group: Group) -> Value:
        first = group.siblings[0]
        arrays = [constant_array(weight_of(op), self.module) for op in group.siblings]
        known = [array for array in arrays if array is not None]
        weights = np.concatenate(known, weight_axis(first))
        location = merge([_producer_location(weight_of(op)) for op in group.siblings])
        w = self.insert(constant(self.module, weights, location))
        location = merge([op.location for op in group.siblings])
        stated, _ = of_channels(first, sum(map(channels, group.siblings)))
        return self.insert(type(first)(first.inputs[0], w, loc=location, **stated))

    def biased(self, group: Group, value: Value) -> Value:
        """VALUE + bias, which is -0 in the channels without one: that changes no number, not even 0."""
        assert group.biases is not None
        numbers = [
            np.full(channels(op), -0.0) if add is None else bias_of(add, op, self.module)
            for op, add in zip(group.siblings, group.biases, strict=True)
        ]
        location = merge([add.location for add in group.biases if add is not None])
        return self._per_channel(Add, group, value, [each for each in numbers if each is not None], location)

    def _per_channel(
        self, kind: type[Add | Max], group: Group, value: Value, numbers: Sequence[Array], location: Location
    ) -> Value:
        """KIND of VALUE and NUMBERS, an array for the channels of each sibling."""
        dtype = value.type.dtype.numpy
        array = broadcast_along(group.axis, value.type.rank, np.concatenate(numbers), dtype)
        return self.insert(kind(value, self.insert(constant(self.module, array, location)), loc=location))

    def step(self, step: SiblingStep, value: Value) -> Value:
        location = merge([op.location for op in step.ops])
        operands: list[Value | None] = []
        for index, array in enumerate(step.arrays):
            if index == step.position:
                operands.append(value)
            elif array is None:
                operands.append(None)
            else:
                operands.append(self.insert(constant(self.module, array, location)))
        return self.insert(step.kind(*operands, loc=location, **step.attributes))

    def floors(self, group: Group, value: Value) -> Value:
        """max(VALUE, floor): the floor is 0 in the channels with a relu, and minus infinity elsewhere."""
        assert group.relus is not None
        floors = [
            np.full(channels(op), -np.inf if relu is None else 0.0)
            for op, relu in zip(group.siblings, group.relus, strict=True)
        ]
        location = merge([relu.location for relu in group.relus if relu is not None])
        return self._per_channel(Max, group, value, floors, location)

    def slice(self, value: Value, end: Value, axis: int, start: int) -> None:
        """Replace END by a slice of VALUE: its channels along AXIS, from START on."""
        starts: list[Dim] = [0] * value.type.rank
        starts[axis] = start
        assert end.producer is not None
        part = self.insert(Slice(value, starts=starts, sizes=end.type.shape, loc=end.producer.location))
        part.hint, part.tensor = end.hint, end.tensor
        end.replace_by(part)


def _producer_location(value: Value) -> Location:
    assert value.producer is not None
    return value.producer.location


def _erase(group: Group) -> None:
    """Erase the siblings and their steps, which have no uses any more."""
    for relu in group.relus or ():
        if relu is not None:
            relu.erase()
    for step in reversed(group.steps):
        for op in step.ops:
            op.erase()
    for add in group.biases or ():
        if add is not None:
            add.erase()
    for sibling in group.siblings:
        sibling.erase()
