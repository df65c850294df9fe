"""Batches without padding: what a run computes of the mask that says which tokens are there.

A plan of this kind has the mask [N, S] of a padded batch among its inputs. Beside it are inputs that callers
do not give, named behind it: the rows of T tokens, sequence behind sequence, and where they lie in the batch.
T is rounded up, so that runs share programs and graphs; what is left are rows of no token, which nobody
reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError

Array = np.ndarray[Any, Any]

TOKENS, POSITIONS = (
    "tokens",
    "positions",
)  # of each row, [T]: its place in the padded batch, and in its sequence
OFFSETS = "offsets"  # where sequences begin among the rows, [N + 1]
PLACES = "places"  # the row of each place of the padded batch, [N, S]; -1 in padding
ROLES = (TOKENS, POSITIONS, OFFSETS, PLACES)
STEP = 64  # that the number of rows is a multiple of


def named(mask: str, role: str) -> str:
    """The input of ROLE beside MASK."""
    return f"{mask}.{role}"


def hidden(mask: str | None) -> frozenset[str]:
    """The inputs that a run computes of MASK; none if there is none."""
    return frozenset() if mask is None else frozenset(named(mask, role) for role in ROLES)


def rows_of(mask: Array, name: str) -> dict[str, Array]:
    """What the hidden inputs beside MASK, of NAME, hold, by name. Raises `InputError` for what is no mask."""
    if mask.ndim != 2:
        raise InputError(
            f"the mask '{name}' has {mask.ndim} dimensions, 2 are expected: sequences and tokens"
        )
    kept = mask != 0
    if mask.dtype != np.bool_ and not np.array_equal(kept, mask):
        raise InputError(f"the mask '{name}' holds other numbers than 1, for a token, and 0, for padding")
    found = np.flatnonzero(kept)
    rows = np.zeros(max(1, -(-len(found) // STEP)) * STEP if mask.size else 0, np.int32)
    rows[: len(found)] = found
    places = np.full(mask.size, -1, np.int32)
    places[found] = np.arange(len(found), dtype=np.int32)
    offsets = np.zeros(len(mask) + 1, np.int32)
    np.cumsum(kept.sum(1), out=offsets[1:])
    values = {
        TOKENS: rows,
        POSITIONS: rows % np.int32(max(mask.shape[1], 1)),
        OFFSETS: offsets,
        PLACES: places.reshape(mask.shape),
    }
    return {named(name, role): value for role, value in values.items()}


def mask_of(lengths: object, tokens: int, dtype: np.dtype[Any]) -> Array:
    """The mask of sequences of LENGTHS, of at most TOKENS each, as DTYPE. Raises `InputError` for lengths
    that are none."""
    try:
        given = np.asarray(lengths)
    except ValueError as error:  # lists of several lengths
        raise InputError(f"lengths are a list of integers: {error}") from error
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise InputError(f"lengths are a list of integers, not {given.dtype}{list(given.shape)}")
    if given.size and not 0 <= int(given.min()) <= int(given.max()) <= tokens:
        raise InputError(f"a length is outside 0..{tokens}: {int(given.min())}..{int(given.max())} are given")
    return np.asarray(np.arange(tokens) < given[:, None]).astype(dtype)


def random_mask(shape: tuple[int, ...], dtype: np.dtype[Any], generator: np.random.Generator) -> Array:
    """A mask of SHAPE, of sequences of random lengths, at least one token each where there is room."""
    count, tokens = shape
    return mask_of(generator.integers(min(1, tokens), tokens + 1, count), tokens, dtype)


def completed(inputs: Mapping[str, Any], mask: str | None) -> Mapping[str, Any]:
    """INPUTS with those that a run computes of MASK, unless they are given, too."""
    if mask is None or mask not in inputs or hidden(mask) <= inputs.keys():
        return inputs
    return {**inputs, **rows_of(np.asarray(inputs[mask]), mask)}
