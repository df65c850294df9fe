"""Attention over sequences without padding, against attention of each of them alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.unpadded_attention import UnpaddedAttention
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, evaluated

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(0)
Q, K, V = (RANDOM.standard_normal((2, 9, size)).astype(np.float32) for size in (4, 4, 6))


def attended(offsets: Array, **attributes: Any) -> Array:
    arrays = [Q, K, V, None, offsets]
    found = evaluated(build(UnpaddedAttention, arrays, longest=5, scale=0.5, **attributes), arrays)
    return np.asarray(found)


@pytest.mark.parametrize("causal", [False, True])
def test_each_sequence_attends_to_itself(causal: bool) -> None:
    found = attended(np.int32([0, 3, 3, 4, 8]), causal=causal)
    for begin, end in ((0, 3), (3, 4), (4, 8)):
        own = [x[:, begin:end] for x in (Q, K, V)]
        alone = evaluated(build(Attention, own, scale=0.5, causal=causal), own)
        np.testing.assert_array_equal(found[:, begin:end], alone)
    assert not found[:, 8:].any()


def test_offsets_that_are_none_are_limited() -> None:
    assert UnpaddedAttention.spans(np.int32([-3, 20, 4]), 9, 5) == [(0, 5), (9, 9)]
    assert UnpaddedAttention.spans(np.int32([6, 2, 8]), 9, 5) == [(6, 6), (2, 7)]


def test_its_work_is_that_of_the_longest() -> None:
    op = build(UnpaddedAttention, [Q, K, V, None, np.int32([0, 9])], longest=5)
    assert op.sequences == 1 and evaluate(op.flops(), {}) == 2 * 9 * 5 * (2 * (4 + 6) + 5)


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ([Q, K, V, np.zeros((9, 9), np.float32), np.int32([0, 9])], "it has no mask"),
        ([Q, K, V, None, np.int64([0, 9])], "its offsets are tensor<2xi64>, a list of i32 is expected"),
        ([Q, K, V, None, np.int32([[0, 9]])], "its offsets are tensor<1x2xi32>, a list of i32 is expected"),
        ([Q, K[:, :8], V[:, :8], None, np.int32([0, 9])], "there are 9 queries for 8 keys"),
    ],
)
def test_what_does_not_fit_is_an_error(arrays: list[Array], problem: str) -> None:
    with pytest.raises(IRError, match=problem):
        build(UnpaddedAttention, arrays, longest=5)
