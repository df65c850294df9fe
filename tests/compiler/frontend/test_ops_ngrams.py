"""TfIdfVectorizer: nodes against ONNX Runtime, shared columns, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import UnsupportedError

from .nodes import Array, Case, case, check, expanded, ints, label, whole

POOL = {
    "ngram_counts": [0, 4],
    "ngram_indexes": [0, 1, 2, 3, 4, 5, 6],
    "pool_int64s": [2, 3, 5, 4, 5, 6, 7, 8, 6, 7],
}
NODES = [
    *[
        case(
            "TfIdfVectorizer",
            9,
            whole(*shape, dtype=dtype, low=2, high=9),
            mode=mode,
            min_gram_length=least,
            max_gram_length=2,
            max_skip_count=skips,
            weights=[0.5, 1, 2, 3, 4, 5, 6],
            **POOL,
        )
        for shape, dtype, mode, least, skips in [
            ((12,), np.int64, "TF", 1, 0),
            ((3, 12), np.int32, "TF", 2, 5),
            ((3, 12), np.int64, "IDF", 1, 1),
            ((3, 12), np.int64, "TFIDF", 1, 5),
        ]
    ],
]


@pytest.mark.parametrize(("given", "opset"), expanded(NODES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


def ours(given: Case, opset: int) -> Array:
    module = import_model(given.model(opset).SerializeToString())
    [found] = interpret(module, given.inputs).values()
    return found


def test_two_ngrams_may_count_in_one_column() -> None:
    pool = {"ngram_counts": [0], "ngram_indexes": [1, 1, 3], "pool_int64s": [2, 3, 4]}
    lengths = {"min_gram_length": 1, "max_gram_length": 1, "max_skip_count": 0}
    found = ours(case("TfIdfVectorizer", 9, ints(2, 3, 3, 4, 9), mode="TF", **lengths, **pool), 9)
    assert found.tolist() == [0, 3, 0, 1]


def test_ngrams_of_strings_are_refused() -> None:
    pool = {"ngram_counts": [0], "ngram_indexes": [0], "pool_strings": ["a"]}
    lengths = {"min_gram_length": 1, "max_gram_length": 1, "max_skip_count": 0}
    with pytest.raises(UnsupportedError, match="strings"):
        ours(case("TfIdfVectorizer", 9, ints(2, 3), mode="TF", **lengths, **pool), 9)
