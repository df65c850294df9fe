"""What a run computes of a mask, or of lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import InputError
from glassrt.runtime.unpadded import (
    ROLES,
    completed,
    hidden,
    mask_of,
    named,
    random_mask,
    rows_of,
)
from hypothesis import given
from hypothesis import strategies as st

Array = np.ndarray[Any, Any]


def roles(mask: Array) -> list[Array]:
    found = rows_of(mask, "m")
    assert found.keys() == hidden("m") == {named("m", role) for role in ROLES}
    assert all(each.dtype == np.int32 for each in found.values())
    return [found[named("m", role)] for role in ROLES]


@given(st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=12))
def test_rows_are_the_tokens_in_order(kept: list[list[bool]]) -> None:
    mask = np.array(kept, np.int64)
    tokens, positions, offsets, places = roles(mask)
    total = int(mask.sum())
    assert len(tokens) % 64 == 0 and total <= len(tokens) < max(total, 1) + 64
    where = [(n, s) for n, s in np.ndindex(*mask.shape) if mask[n, s]]
    assert [divmod(int(token), 7) for token in tokens[:total]] == where
    assert [int(at) for at in positions[:total]] == [s for _, s in where]
    assert np.array_equal(offsets, [0, *np.cumsum(mask.sum(1))])
    assert [int(row) for row in places[mask == 1]] == list(range(total)) and (places[mask == 0] == -1).all()
    assert not tokens[total:].any() and not positions[total:].any()  # within any padded tensor


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)])
def test_an_empty_batch_has_no_rows(shape: tuple[int, int]) -> None:
    tokens, positions, offsets, places = roles(np.zeros(shape, bool))
    assert len(tokens) == len(positions) == 0 and places.shape == shape
    assert np.array_equal(offsets, np.zeros(shape[0] + 1))


def test_what_is_no_mask() -> None:
    with pytest.raises(InputError, match="has 1 dimensions"):
        rows_of(np.ones(3), "m")
    for wrong in (2, -1, 0.5, np.nan):
        with pytest.raises(InputError, match="other numbers than 1"):
            rows_of(np.array([[1, wrong]]), "m")


def test_lengths() -> None:
    assert np.array_equal(mask_of([2, 0, 3], 3, np.dtype(np.int64)), [[1, 1, 0], [0, 0, 0], [1, 1, 1]])
    assert mask_of(np.int32([1]), 2, np.dtype(bool)).dtype == bool
    assert mask_of(np.zeros(0, int), 4, np.dtype(np.float32)).shape == (0, 4)
    for wrong, problem in (
        ([4], r"outside 0\.\.3"),
        ([-1], "outside"),
        ([1.0], "float64"),
        ([[1]], "integers"),
        ([[1], [1, 2]], "integers"),
    ):
        with pytest.raises(InputError, match=problem):
            mask_of(wrong, 3, np.dtype(bool))


def test_inputs_are_completed_once() -> None:
    mask = np.array([[1, 0]])
    done = completed({"m": mask}, "m")
    assert done.keys() == {"m"} | hidden("m")
    assert completed(done, "m") is done
    assert completed({"x": mask}, None) == {"x": mask} and completed({"x": mask}, "m") == {"x": mask}
    assert hidden(None) == frozenset()


def test_random_masks() -> None:
    random = np.random.default_rng(0)
    drawn = random_mask((50, 9), np.dtype(np.float32), random)
    lengths = drawn.sum(1)
    assert (lengths >= 1).all() and len(set(lengths)) > 3 and drawn.dtype == np.float32
    assert random_mask((2, 0), np.dtype(bool), random).shape == (2, 0)
