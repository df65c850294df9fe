"""MultiHeadAttention with its inputs apart and packed, against ONNX Runtime and numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError, UnsupportedError

from ..nodes import Array, Case, check, expanded, label, real
from ..own import microsoft

I32 = np.int32
Q, K, V = real(2, 5, 8), real(2, 7, 8), real(2, 7, 6)
RAW = (real(2, 7) > -0.8).astype(I32)
FULL = (real(2, 5, 7) > -0.8).astype(I32)
PAST = real(2, 2, 3, 4), real(2, 2, 3, 4)


def attention(*arrays: Array | None, **options: Any) -> Case:
    return microsoft("MultiHeadAttention", *arrays, num_heads=2, **options)


CASES = [
    attention(Q, K, V),
    attention(Q, K, V, real(22)),
    attention(Q, K, V, None, RAW),
    attention(Q, K, V, None, RAW, mask_filter_value=-3.0, scale=0.7),
    attention(Q, K, V, None, np.array([3, 7], I32)),
    attention(Q, K, V, None, FULL),
    attention(Q, K, V, real(22), RAW, real(1, 2, 5, 7)),
    attention(Q, K, V, None, None, real(2, 1, 5, 7)),
    attention(K, K, K, unidirectional=1),
    attention(Q, real(2, 2, 7, 4), real(2, 2, 7, 4)),
    attention(Q, Q, Q, None, None, None, *PAST, outputs=3, unidirectional=1),
    attention(Q, Q, Q, real(24), None, real(1, 2, 5, 8), *PAST, outputs=3),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_multi_head(given: Case, opset: int) -> None:
    check(given, opset)


def imported(given: Case) -> Array:
    module = import_model(given.model(18).SerializeToString())
    return np.asarray(interpret(module, given.inputs)["y0"])


def test_packed_projections_are_those_apart() -> None:
    """ONNX Runtime packs them for GPUs only."""
    k, v = K, real(2, 7, 8)
    pairs = np.stack([x.reshape(2, 7, 2, 4) for x in (k, v)], 3)
    np.testing.assert_array_equal(imported(attention(Q, pairs)), imported(attention(Q, k, v)))
    triples = np.stack([x.reshape(2, 7, 2, 4) for x in (k, k, v)], 3)
    np.testing.assert_array_equal(imported(attention(triples)), imported(attention(k, k, v)))


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (attention(Q, K, V, outputs=4), UnsupportedError, r"the normalized scores as an output \(qk\)"),
        (attention(Q, K, V, *[None] * 5, np.zeros(1, I32)), UnsupportedError, "past and present share"),
        (attention(real(2, 7, 2, 3, 4), None, None, real(24)), UnsupportedError, "a bias of packed"),
        (attention(Q, None, None), ModelError, "it has no keys"),
        (attention(Q, K), ModelError, "keys without values"),
        (attention(real(2, 7, 3, 3, 4)), ModelError, "does not pack 3 tensors"),
        (attention(Q, Q, Q, None, None, None, PAST[0]), ModelError, "its past keys and values"),
    ],
)
def test_what_is_refused(given: Case, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        import_model(given.model(18).SerializeToString())
