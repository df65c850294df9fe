"""Between padded tensors and the rows of their tokens: the ops that pack and unpack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import BOOL
from ...dialects.core.ir import Operation, Value
from ...dialects.core.location import UNKNOWN
from ...dialects.core.module import Module
from ...dialects.graph.binary import GreaterEqual, Max
from ...dialects.graph.constants import constant
from ...dialects.graph.elementwise import Where
from ...dialects.graph.indexing import Gather
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...runtime.unpadded import OFFSETS, PLACES, POSITIONS, TOKENS
from .places import TokenPlace

AnyOp = TypeVar("AnyOp", bound=Operation)


class TokenRows:
    """Builds ops before `anchor`, the op that is rewritten; n, s, t: sequences, tokens of a padded one, and
    all tokens; arguments: the inputs that say where tokens lie, by role."""

    def __init__(self, module: Module, sizes: tuple[Dim, Dim, Dim], arguments: dict[str, Value]) -> None:
        self.n, self.s, self.t = sizes
        self.anchor: Operation | None = module.main.block.first
        self._module = module
        self.arguments = arguments

    @property
    def offsets(self) -> Value:
        """Where sequences begin among the rows, [N + 1]."""
        return self.arguments[OFFSETS]

    def insert(self, op: AnyOp) -> AnyOp:
        if self.anchor is not None and op.location is UNKNOWN:
            op.location = self.anchor.location
        self._module.main.block.insert_before(self.anchor, op)
        return op

    def pack(self, value: Value, place: TokenPlace) -> Value:
        """The rows of VALUE, which is padded and has tokens at PLACE."""
        if place.batch is None:
            return self._gathered(value, TOKENS, place.token)
        first = self._transposed(value, [*place.axes, *_others(value, place)])
        flat = self._reshaped(first, [self.n * self.s, *first.type.shape[2:]])
        return self._token_moved(self._gathered(flat, TOKENS, 0), 0, place.packed(place.token))

    def pack_alike(self, value: Value, place: TokenPlace) -> Value:
        """The rows of VALUE, in which all sequences are alike: its axis of sequences, if it has one, is 1."""
        token, shape = place.token, value.type.shape
        rows = self._gathered(value, POSITIONS, token) if token >= 0 and shape[token] != 1 else value
        if place.batch is None or place.batch < 0:
            return rows
        return self._reshaped(rows, [rows.type.shape[axis] for axis in place.kept(rows.type.rank)])

    def unpack(self, rows: Value, place: TokenPlace, columns: tuple[Dim, Dim] | None = None) -> Value:
        """ROWS as the padded tensor with tokens at PLACE, of which padding is zeros; COLUMNS: the first of
        the positions that are wanted, and their number."""
        places = self.arguments[PLACES]
        if columns is not None:
            places = self.insert(Slice(places, starts=[0, columns[0]], sizes=[self.n, columns[1]])).result
        zero = self._number(0, places)
        seen = self.insert(GreaterEqual(places, zero)).result
        first = self._token_moved(rows, place.packed(place.token), 0)
        found = self.insert(Gather(first, self.insert(Max(places, zero)).result, axis=0)).result
        rest = found.type.shape[2:]
        seen = self._reshaped(seen, [*places.type.shape, *(1 for _ in rest)])
        padded = self.insert(Where(seen, found, self._number(0, found))).result
        if place.batch is None:
            joined = self._reshaped(padded, [self.n * self.s, *rest])
            return self._token_moved(joined, 0, place.token)
        order = [*place.axes, *_others(padded, place)]
        return self._transposed(padded, list(np.argsort(order)))

    def _number(self, number: float, like: Value) -> Value:
        dtype = like.type.dtype
        array = np.asarray(number, bool if dtype == BOOL else dtype.numpy)
        return self.insert(constant(self._module, array)).result

    def _gathered(self, value: Value, by: str, axis: int) -> Value:
        return self.insert(Gather(value, self.arguments[by], axis=axis)).result

    def _reshaped(self, value: Value, shape: Sequence[Dim]) -> Value:
        same = tuple(shape) == value.type.shape
        return value if same else self.insert(Reshape(value, shape=list(shape))).result

    def _transposed(self, value: Value, perm: Sequence[int]) -> Value:
        order = [int(axis) for axis in perm]
        return value if order == sorted(order) else self.insert(Transpose(value, perm=order)).result

    def _token_moved(self, value: Value, old: int, new: int) -> Value:
        order = [axis for axis in range(value.type.rank) if axis != old]
        order.insert(new, old)
        return self._transposed(value, order)


def _others(value: Value, place: TokenPlace) -> list[int]:
    return [axis for axis in range(value.type.rank) if axis not in place.axes]
