"""The rewriting of a padded model to rows of tokens, op by op, by rules for kinds of ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...dialects.core.ir import Operation, Value
from ...dialects.graph.binary import Mul
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.reshape import Reshape, Transpose
from .padding_mask import MaskFunctions
from .places import TokenPlace
from .rows import TokenRows


class Mixes(Exception):
    """An op mixes tokens, or nothing is known of it; the message says why."""


@dataclass(frozen=True)
class Packed:
    """The rows of a padded value with tokens at `place`; silent: padding of that value is zeros."""

    rows: Value
    place: TokenPlace
    silent: bool = False


Result = tuple[Value, TokenPlace]
Rule = Callable[["Rewriting", Any], "Result | Value"]
Rules = Sequence[tuple[tuple[type[Operation], ...], Rule]]


class Rewriting:
    """Rewrites ops of a padded model, in order: `packed` has the rows of what is rewritten."""

    def __init__(self, rows: TokenRows, masks: MaskFunctions, rules: Rules) -> None:
        self._rules = rules
        self.rows = rows
        self.masks = masks
        self.packed: dict[Value, Packed] = {}
        self.attended = 0
        self._padded: dict[Value, Value] = {}

    def rewrite(self, op: Operation) -> None:
        """Give the results of OP, of which an operand has rows, rows too; or compute them, padded, of padded
        operands. Raises `Mixes`."""
        rule = next((rule for kinds, rule in self._rules if isinstance(op, kinds)), None)
        found: Result | Value | None = None
        reason = "it is not known to keep tokens apart"
        try:
            found = None if rule is None else rule(self, op)
        except Mixes as why:
            reason = str(why)
        if isinstance(found, Value):
            self._padded[op.result] = found
        elif found is not None:
            self.packed[op.result] = Packed(*found, silent=self._is_silent(op))
        elif all(self.packed[value].silent for value in op.inputs if value in self.packed) and not op.regions:
            given = [None if value is None else self.padded(value) for value in op.operands]
            self._copied(op, given)
        else:
            raise Mixes(reason)

    def keep(self, op: Operation) -> None:
        """Leave OP, no operand of which has rows, as it is, on operands that were computed anew."""
        for index, value in enumerate(op.operands):
            if value is not None and value in self._padded:
                op.set_operand(index, self._padded[value])

    def padded(self, value: Value) -> Value:
        """VALUE with zeros, where it has rows, in its padding."""
        packed = self.packed.get(value)
        if packed is None:
            return self._padded.get(value, value)
        if value not in self._padded:
            self._padded[value] = self.rows.unpack(packed.rows, packed.place)
        return self._padded[value]

    def _copied(self, op: Operation, operands: Sequence[Value | None]) -> None:
        copy = self.rows.insert(type(op)(*operands, loc=op.location, **op.attributes))
        self._padded.update(zip(op.results, copy.results, strict=True))

    def _is_silent(self, op: Operation) -> bool:
        """Whether the padding of OP's result is zeros: it is multiplied by the mask, or was before."""
        own = [self.packed[value].silent for value in op.inputs if value in self.packed]
        if isinstance(op, (Reshape, Transpose, Cast)):
            return all(own)
        if not isinstance(op, Mul):
            return False
        masks = [self.masks.of(value) for value in op.inputs if value not in self.packed]
        return any(own) or any(mask is not None and mask.padding.item() == 0 for mask in masks)

    def again(self, op: Operation, operands: Sequence[Value | None], **changed: Any) -> Value:
        """The result of OP on OPERANDS, with the attributes CHANGED."""
        made = type(op)(*operands, loc=op.location, **{**op.attributes, **changed})
        return self.rows.insert(made).result

    def place_of(self, values: Sequence[Value | None], rank: int) -> TokenPlace:
        """Where those of VALUES that have rows have tokens in a result of RANK, to which they broadcast."""
        ranks = {value: value.type.rank for value in values if value is not None and value in self.packed}
        places = {self.packed[value].place.shifted(rank - own) for value, own in ranks.items()}
        if len(places) != 1:
            raise Mixes("tokens lie along different axes of its operands")
        return places.pop()

    def aligned(self, value: Value, place: TokenPlace, rank: int) -> Value:
        """The rows of VALUE, an operand that broadcasts to a result of RANK with tokens at PLACE."""
        packed = self.packed.get(value)
        if packed is not None:
            return packed.rows
        value, own = self._padded.get(value, value), place.shifted(value.type.rank - rank)
        shape = value.type.shape
        token = 1 if own.token < 0 else shape[own.token]
        batch = 1 if own.batch is None or own.batch < 0 else shape[own.batch]
        if batch == 1 and (token == 1 or (place.batch is not None and token == self.rows.s)):
            return self.rows.pack_alike(value, own)
        if (batch, token) == (1 if place.batch is None else self.rows.n, self._tokens(place)):
            return self.rows.pack(value, own)
        raise Mixes("an operand differs from sequence to sequence, but not from token to token")

    def _tokens(self, place: TokenPlace) -> Any:
        return self.rows.s if place.batch is not None else self.rows.n * self.rows.s
