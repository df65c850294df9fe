"""Normalization with what stands before it, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import InputError, ModelError, UnsupportedError

from ....models import run_onnxruntime
from ..nodes import Case, case, check, expanded, label, real, whole
from ..own import microsoft

I32 = np.int32
X, GAMMA, BETA, BIAS = real(2, 3, 8), real(8), real(8), real(8)
WORDS, SEGMENTS = whole(2, 5, dtype=I32, low=0, high=20), whole(2, 5, dtype=I32, low=0, high=2)
TABLES = real(20, 8), real(9, 8), real(2, 8)
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]], I32)
PLACES = whole(2, 5, low=0, high=9).astype(I32)


def embedded(*ends: object, segments: bool = True, **options: object) -> Case:
    """EmbedLayerNormalization with the last inputs ENDS."""
    words, places, parts = TABLES
    given = (SEGMENTS, words, places, parts) if segments else (None, words, places, None)
    return microsoft("EmbedLayerNormalization", WORDS, *given, GAMMA, BETA, *ends, **options)  # type: ignore[arg-type]


CASES = [
    case("LayerNormalization", (8, 16), X, GAMMA, BETA, epsilon=0.1, stash_type=1),
    case("LayerNormalization", 16, X, real(3, 8), axis=1, outputs=3),
    case("SimplifiedLayerNormalization", (8, 21), X, GAMMA, epsilon=0.1, stash_type=1),
    case("SimplifiedLayerNormalization", 18, X, GAMMA, outputs=2),
    microsoft("SkipLayerNormalization", X, real(2, 3, 8), GAMMA),
    microsoft("SkipLayerNormalization", X, real(2, 3, 8), GAMMA, BETA, BIAS, epsilon=0.1),
    microsoft("SkipLayerNormalization", X, real(1, 3, 8), GAMMA, BETA),
    microsoft("SkipLayerNormalization", X, real(3, 8), GAMMA, BETA),
    microsoft("SkipLayerNormalization", real(3, 8), real(3, 8), GAMMA, BETA),
    microsoft("SkipSimplifiedLayerNormalization", X, real(2, 3, 8), GAMMA),
    microsoft("SkipSimplifiedLayerNormalization", X, real(2, 3, 8), GAMMA, BIAS, epsilon=0.1),
    embedded(outputs=2),
    embedded(segments=False, outputs=2),
    embedded(MASK, outputs=3, epsilon=0.1),
    embedded(None, PLACES, outputs=2),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_normalization(given: Case, opset: int) -> None:
    check(given, opset)


@pytest.mark.parametrize("op", ["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"])
def test_the_sum_is_an_output(op: str) -> None:
    given = microsoft(op, X, real(2, 3, 8), GAMMA, outputs=4)
    made = given.model(18)
    made.graph.node[0].output[1:3] = ["", ""]
    del made.graph.output[1:3]
    have = interpret(import_model(made.SerializeToString()), given.inputs)
    for name, want in run_onnxruntime(made, given.inputs).items():
        np.testing.assert_allclose(have[name], want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (microsoft("SkipLayerNormalization", X, X, GAMMA, outputs=2), UnsupportedError, "the mean"),
        (microsoft("SkipLayerNormalization", real(1, 3, 8), X, GAMMA), ModelError, "which is smaller"),
        (microsoft("SkipLayerNormalization", real(8), real(8), GAMMA), ModelError, "2 or 3 dimensions"),
        (case("SimplifiedLayerNormalization", 18, X, GAMMA, stash_type=11), UnsupportedError, "stash_type"),
        (embedded(MASK[:, 1:], outputs=2), ModelError, "its mask tensor<2x4xi32>"),
    ],
    ids=["mean", "broadcast", "rank", "stash", "mask"],
)
def test_what_is_refused(given: Case, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        import_model(given.model(18).SerializeToString())


def test_more_tokens_than_positions() -> None:
    made = microsoft("EmbedLayerNormalization", WORDS, None, TABLES[0], TABLES[1][:4], None, GAMMA, BETA)
    with pytest.raises((InputError, ModelError), match="the index 4 is inside axis 0"):
        import_model(made.model(18).SerializeToString())
