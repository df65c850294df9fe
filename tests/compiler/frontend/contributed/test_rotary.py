"""Rotary embeddings, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import GlassError, UnsupportedError

from ..nodes import Array, Case, check, expanded, ints, label, real
from ..own import microsoft

ANGLES = np.outer(np.arange(12), 10.0 ** -np.arange(4)).astype(np.float32)
TABLES = np.cos(ANGLES), np.sin(ANGLES)
PLACES = np.array([[3, 4, 5], [0, 7, 2]])


def rotary(x: Array, places: Array, tables: tuple[Array, Array] = TABLES, **options: Any) -> Case:
    return microsoft("RotaryEmbedding", x, places, *tables, **options)


NARROW = TABLES[0][:, :2].copy(), TABLES[1][:, :2].copy()
CASES = [
    rotary(real(2, 3, 16), PLACES),
    rotary(real(2, 3, 16), ints(4)),
    rotary(real(2, 2, 3, 8), PLACES),
    rotary(real(2, 2, 3, 8), PLACES, interleaved=1),
    rotary(real(2, 3, 16), PLACES, NARROW, num_heads=2, rotary_embedding_dim=4),
    rotary(real(2, 3, 16), ints(0), NARROW, num_heads=2, rotary_embedding_dim=4, interleaved=1),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_rotary(given: Case, opset: int) -> None:
    check(given, opset)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (rotary(real(2, 3, 16), PLACES, is_packed_batching=1), UnsupportedError, "is_packed_batching"),
        (rotary(real(2, 3, 16), PLACES, scale=2.0), UnsupportedError, "a scale of rotary"),
        (rotary(real(2, 3, 16), ints(1, 2)), GlassError, "its positions"),
        (rotary(real(2, 3, 16), PLACES[1:]), GlassError, "its positions"),
        (rotary(real(2, 16), PLACES), GlassError, "3 or 4 dimensions"),
        (rotary(real(2, 2, 3, 6), PLACES), GlassError, "its heads have as many features"),
        (rotary(real(2, 3, 16), PLACES, (TABLES[0], NARROW[1])), GlassError, "differ in shape"),
    ],
)
def test_what_is_refused(given: Case, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        import_model(given.model(18).SerializeToString())
