"""ONNX Attention, imported and interpreted, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import ModelError, UnsupportedError

from .nodes import Case, case, check, expanded, label, real

KEPT = np.random.default_rng(2).random((2, 1, 5, 7)) < 0.6
KEPT[..., 0] = True
Q, K, V = real(2, 4, 5, 8), real(2, 4, 7, 8), real(2, 4, 7, 6)
FEW_K, FEW_V = real(2, 2, 7, 8), real(2, 2, 7, 6)

CASES = [
    case("Attention", 23, Q, K, V),
    case("Attention", 23, Q, K, V, real(5, 7)),
    case("Attention", 23, Q, K, V, KEPT),
    case("Attention", 23, Q, K, V, real(2, 4, 5, 7), scale=0.7),
    case("Attention", 23, real(2, 4, 7, 8), K, V, is_causal=1),
    case("Attention", 23, Q, FEW_K, FEW_V),
    case("Attention", 23, Q, FEW_K, FEW_V, KEPT),
    case("Attention", 23, Q, FEW_K, FEW_V, real(2, 4, 5, 7)),
    case("Attention", 23, real(2, 5, 24), real(2, 7, 24), real(2, 7, 12), q_num_heads=3, kv_num_heads=3),
    case("Attention", 23, real(2, 5, 32), real(2, 7, 16), real(2, 7, 12), q_num_heads=4, kv_num_heads=2),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_attention(given: Case, opset: int) -> None:
    check(given, opset)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (case("Attention", 23, Q, K, V, softcap=2.0), UnsupportedError),
        (case("Attention", 23, Q, K, V, outputs=3), UnsupportedError),
        (case("Attention", 23, Q, real(2, 3, 7, 8), real(2, 3, 7, 6)), ModelError),
        (case("Attention", 23, real(2, 5, 24), K, V, q_num_heads=5), ModelError),
        (case("Attention", 23, real(2, 5, 24), K, V), ModelError),
        (case("Attention", 23, Q, FEW_K, FEW_V, real(2, 3, 5, 7)), ModelError),
    ],
    ids=["soft cap", "cache", "heads", "features", "no heads", "mask"],
)
def test_what_is_refused(given: Case, error: type[Exception]) -> None:
    with pytest.raises(error):
        import_model(given.model(23).SerializeToString())
