"""Attention as one op, against softmax written out in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.graph.attention import FAR, Attention
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, evaluated

Array = np.ndarray[Any, Any]


def numbers(*shape: int, seed: int = 0, dtype: type = np.float32) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def written_out(q: Array, k: Array, v: Array, bias: Array | float = 0.0, scale: float = 1.0) -> Array:
    scores = scale * q.astype(np.float64) @ np.swapaxes(k, -1, -2).astype(np.float64) + bias
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ v.astype(np.float64)


Q, K, V = numbers(2, 3, 5, 4), numbers(1, 3, 6, 4, seed=1), numbers(2, 1, 6, 7, seed=2)


def test_leading_dimensions_broadcast() -> None:
    op = build(Attention, [Q, K, V], scale=0.5)
    assert op.result.type.shape == (2, 3, 5, 7) and op.scores == (2, 3, 5, 6)
    found = evaluated(op, [Q, K, V])
    np.testing.assert_allclose(found, written_out(Q, K, V, scale=0.5), rtol=2e-5, atol=1e-6)
    assert evaluate(op.flops(), {}) == 2 * 3 * 5 * 6 * (2 * (4 + 7) + 5)


def test_masks_are_added_or_fill() -> None:
    added = numbers(5, 6, seed=3)
    found = evaluated(build(Attention, [Q, K, V, added]), [Q, K, V, added])
    np.testing.assert_allclose(found, written_out(Q, K, V, added), rtol=2e-5, atol=1e-6)
    kept = np.tri(5, 6, dtype=np.bool_)
    wanted = written_out(Q, K, V, np.where(kept, 0, -np.inf))
    for arrays, attributes in (([Q, K, V, kept], {}), ([Q, K, V], {"causal": True})):
        found = evaluated(build(Attention, arrays, **attributes), arrays)
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)
    nothing = np.zeros((5, 6), np.bool_)
    found = evaluated(build(Attention, [Q, K, V, nothing], fill=-3.0), [Q, K, V, nothing])
    even = np.broadcast_to(V.mean(-2, keepdims=True), found.shape)
    np.testing.assert_allclose(found, even, rtol=2e-5, atol=1e-6)


def test_a_query_without_keys() -> None:
    masked = np.full((5, 6), -np.inf, np.float32)
    assert np.isnan(evaluated(build(Attention, [Q, K, V, masked]), [Q, K, V, masked])).all()
    assert not evaluated(build(Attention, [Q, K, V, masked], guarded=True), [Q, K, V, masked]).any()
    none = [Q, K[..., :0, :], V[..., :0, :]]
    assert not evaluated(build(Attention, none), none).any()


def test_scores_beyond_the_far_end_are_rounded_to_the_models_type() -> None:
    q, k, v = (numbers(1, 2, 2, seed=at, dtype=np.float16) for at in range(3))
    near, far = (np.full((2, 2), size, np.float16) for size in (FAR / 2, 4 * FAR))
    wanted = written_out(q, k, v)
    found = {}
    for name, mask in (("near", near), ("far", far)):
        op = build(Attention, [q, k, v, mask], accumulate=F32)
        assert op.rounds_sums and op.result.type.dtype == F32
        found[name] = evaluated(op, [q, k, v, mask])
    np.testing.assert_allclose(found["near"], wanted, rtol=2e-3, atol=2e-3)
    # In f16 the numbers beyond 2048 are 2 apart: scores of less become equal.
    scores = (q.astype(np.float64) @ np.swapaxes(k, -1, -2) + float(far[0, 0])).astype(np.float16)
    np.testing.assert_allclose(found["far"], written_out(q * 0, k, v, scores), rtol=2e-3, atol=2e-3)
    assert not build(Attention, [q, k, v]).rounds_sums
    assert build(Attention, [q, k, v]).result.type.dtype == F16


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ([Q, K[..., :3], V], "queries have 4 features, keys 3"),
        ([Q, K, V[..., :5, :]], "there are 6 keys for 5 values"),
        ([Q[0, 0, 0], K, V], "at least two dimensions"),
        ([Q, K.astype(np.float16), V], "different element types"),
        ([Q, K, V, numbers(3, 1, 5, 6)], "do(es)? not broadcast"),
        ([Q, K, V, numbers(4, 2, 3, 5, 6)], "does not broadcast to the scores"),
        ([Q, K, V, np.zeros((5, 6), np.int32)], "takes float or bool elements, not i32"),
    ],
)
def test_shapes_and_types_that_do_not_fit(arrays: list[Array], reason: str) -> None:
    with pytest.raises(IRError, match=reason):
        build(Attention, arrays)


def test_the_far_end_is_a_factor_that_no_probability_survives() -> None:
    assert pytest.approx(1024 * math.log(2)) == FAR and math.exp(-FAR + 700) < 1e-4
