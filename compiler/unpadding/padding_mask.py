"""Masks of attention that only leave out padding: functions of what the mask of tokens holds for a key."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...dialects.core.interpreter import Evaluation
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.graph.attention import Attention
from ...dialects.graph.binary import And
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.elementwise_base import Elementwise
from ...dialects.graph.indexing import Gather, GatherNd
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ..patterns.matching import constant_array
from .coordinates import Coordinates
from .places import TokenPlace, reshaped, transposed
from .rows import TokenRows

Array = np.ndarray[Any, Any]
ABSORBING = -1e4  # a number that is added to the scores of padding is at most this: its weights are zero


@dataclass(frozen=True)
class OfMask:
    """A value whose elements are functions of one element of the mask of tokens: where sequences and tokens
    lie in it, and what it is for padding and for a token."""

    place: TokenPlace
    padding: Array
    token: Array

    def __post_init__(self) -> None:
        assert self.padding.size == self.token.size == 1


class MaskFunctions:
    """The values of MODULE that are functions of MASK, an input of the padded model."""

    def __init__(self, module: Module, mask: Value, rows: TokenRows) -> None:
        self._module = module
        self._rows = rows
        self._coordinates = Coordinates(module)
        dtype = mask.type.dtype.numpy
        self._found: dict[Value, OfMask | None] = {
            mask: OfMask(TokenPlace(0, 1), np.zeros((1, 1), dtype), np.ones((1, 1), dtype))
        }

    def of(self, value: Value) -> OfMask | None:
        """VALUE as a function of the mask; None if it is none, or depends on something else, too."""
        waiting = [value]
        while waiting:
            op = waiting[-1].producer
            missing = [] if op is None else [x for x in op.inputs if x not in self._found]
            if missing and waiting[-1] not in self._found:
                waiting += missing
                continue
            each = waiting.pop()
            if each not in self._found:
                self._found[each] = None if op is None else self._made(op)
        return self._found[value]

    def _made(self, op: Operation) -> OfMask | None:
        sources = [None if value is None else self._found[value] for value in op.operands]
        if all(source is None for source in sources):
            return None
        if isinstance(op, (Reshape, Transpose, Expand)):
            return self._moved(op, sources[0])
        if isinstance(op, (Gather, GatherNd)):
            return self._read(op, sources[0])
        if isinstance(op, (Elementwise, Cast)) and has(op, Trait.ELEMENTWISE):
            return self._computed(op, sources)
        return None

    def _moved(self, op: Reshape | Transpose | Expand, source: OfMask | None) -> OfMask | None:
        if source is None:
            return None
        before, after = op.x.type.shape, op.result.type.shape
        place: TokenPlace | None
        if isinstance(op, Reshape):
            place = reshaped(source.place, before, after, self._rows.n, self._rows.s)
        elif isinstance(op, Transpose):
            place = transposed(source.place, op.perm)
        else:
            place = source.place.shifted(len(after) - len(before))
        shape = (1,) * len(after)
        if place is None:
            return None
        return OfMask(place, source.padding.reshape(shape), source.token.reshape(shape))

    def _read(self, op: Gather | GatherNd, source: OfMask | None) -> OfMask | None:
        """All of SOURCE, read by its positions."""
        shape, rank = op.x.type.shape, op.result.type.rank
        if source is None:
            return None
        if isinstance(op, Gather):
            counted, axis = self._coordinates.counted(op.indices), op.axis % len(shape)
            same = counted is not None and op.indices.type.rank == 1 and counted.size == shape[axis]
            return source if same else None
        stacked = self._coordinates.stacked(op.indices)
        if stacked is None or op.batch_dims or [part.size for part in stacked.parts] != list(shape):
            return None
        axes = [part.axis for part in stacked.parts]
        batch = None if source.place.batch is None else axes[source.place.batch]
        ones = (1,) * rank
        return OfMask(
            TokenPlace(batch, axes[source.place.token]),
            source.padding.reshape(ones),
            source.token.reshape(ones),
        )

    def _computed(self, op: Operation, sources: list[OfMask | None]) -> OfMask | None:
        rank = op.result.type.rank
        places: set[TokenPlace] = set()
        padding: list[Array | None] = []
        token: list[Array | None] = []
        for value, source in zip(op.operands, sources, strict=True):
            if value is None:
                padding.append(None)
                token.append(None)
                continue
            if source is not None:
                places.add(source.place.shifted(rank - value.type.rank))
                padding.append(source.padding)
                token.append(source.token)
                continue
            number = self._number(value)
            if number is None:
                return None
            padding.append(number)
            token.append(number)
        if len(places) != 1:
            return None
        (place,) = places
        evaluate: Callable[..., Any] = op.evaluate
        evaluation = Evaluation(self._module, {})
        return OfMask(place, *(np.asarray(evaluate(evaluation, *given)) for given in (padding, token)))

    def _number(self, value: Value) -> Array | None:
        """The number that all elements of VALUE are, with its dimensions; None if it is none."""
        holds = None if value.producer is None else self._coordinates.holds(value.producer)
        if holds is not None:
            return np.full((1,) * value.type.rank, holds)
        op = value.producer
        if isinstance(op, (Reshape, Expand, Cast, And)):
            numbers = [self._number(x) for x in op.inputs]
            known = [number for number in numbers if number is not None]
            if len(known) < len(numbers):
                return None
            shape = (1,) * value.type.rank
            if isinstance(op, (Reshape, Expand)):
                return known[0].reshape(shape)
            return np.asarray(op.evaluate(Evaluation(self._module, {}), *known)).reshape(shape)
        return _uniform(value, self._module)


def keeps_tokens_alone(op: Attention, found: OfMask, place: TokenPlace) -> bool:
    """Whether OP's mask, which is FOUND, leaves out the keys in padding and nothing else; queries have tokens
    at PLACE."""
    assert op.mask is not None
    rank = len(op.scores)
    keys = found.place.shifted(rank - op.mask.type.rank)
    if place.batch is None or keys != TokenPlace(place.batch, rank - 1):
        return False
    if found.token.dtype == np.bool_:
        return bool(found.token.item()) and not bool(found.padding.item()) and op.fill <= ABSORBING
    padding = float(found.padding.item())
    return float(found.token.item()) == 0 and not math.isnan(padding) and padding <= ABSORBING


def _uniform(value: Value, module: Module) -> Array | None:
    """The number that all elements of the constant VALUE are, with its dimensions; None if it is none."""
    array = constant_array(value, module)
    if array is None or array.size == 0:
        return None
    first = array.reshape(-1)[:1]
    return first.reshape((1,) * array.ndim) if bool((array == first).all()) else None
