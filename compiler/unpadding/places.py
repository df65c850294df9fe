"""Where the axes of sequences and tokens lie in a tensor, and what becomes of its shape without padding.

A tensor of a padded batch has an axis of N sequences and one of S tokens, or both as one axis of N * S.
Without padding it has one axis of T tokens where the axis of tokens was, and none of sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, product


@dataclass(frozen=True)
class TokenPlace:
    """The axes of sequences and of tokens; `batch` is None where `token` is both."""

    batch: int | None
    token: int

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes along which tokens differ."""
        return (self.token,) if self.batch is None else (self.batch, self.token)

    def shifted(self, by: int) -> TokenPlace:
        """The place in a tensor with BY more dimensions in front, or fewer."""
        return TokenPlace(None if self.batch is None else self.batch + by, self.token + by)

    def packed(self, axis: int) -> int:
        """The axis without padding that AXIS, not that of sequences, becomes."""
        return axis - (self.batch is not None and axis > self.batch)

    def kept(self, rank: int) -> list[int]:
        """The axes of a tensor of RANK that it has without padding."""
        return [axis for axis in range(rank) if axis != self.batch]

    def shape(self, shape: Sequence[Dim], tokens: Dim) -> list[Dim]:
        """SHAPE with TOKENS instead of padded sequences."""
        return [tokens if axis == self.token else shape[axis] for axis in self.kept(len(shape))]


def transposed(place: TokenPlace, perm: Sequence[int]) -> TokenPlace:
    """Where PLACE is behind a transpose by PERM."""
    order = list(perm)
    batch = None if place.batch is None else order.index(place.batch)
    return TokenPlace(batch, order.index(place.token))


def reshaped(
    place: TokenPlace, before: Sequence[Dim], after: Sequence[Dim], n: Dim, s: Dim
) -> TokenPlace | None:
    """Where PLACE, in a tensor of the shape BEFORE, is in AFTER; N sequences of S tokens.

    None where elements of several tokens, or a part of the tokens, share an axis.
    """
    at_batch = product(before[: place.token if place.batch is None else place.batch])
    at_token = at_batch * n if place.batch is None else product(before[: place.token])
    batch, token = _axis(after, at_batch, n), _axis(after, at_token, s)
    if batch is not None and token is not None and batch != token:
        return TokenPlace(batch, token)
    both = _axis(after, at_batch, n * s) if at_token == at_batch * n else None
    return None if both is None else TokenPlace(None, both)


def axis_at(after: Sequence[Dim], before: Sequence[Dim], axis: int) -> int | None:
    """The axis of the shape AFTER a reshape that is AXIS of BEFORE it."""
    return _axis(after, product(before[:axis]), before[axis])


def _axis(shape: Sequence[Dim], before: Dim, size: Dim) -> int | None:
    """The axis of SHAPE that has SIZE, and the product BEFORE of the sizes in front of it."""
    for axis, own in enumerate(shape):
        if own == size and product(shape[:axis]) == before:
            return axis
    return None
