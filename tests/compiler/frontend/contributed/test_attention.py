"""Self-attention with its projections, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import ModelError, UnsupportedError

from ..nodes import Array, Case, check, expanded, label, real, whole
from ..own import microsoft

I32, F32, U8, I8 = np.int32, np.float32, np.uint8, np.int8
X, WEIGHTS, BIAS = real(2, 5, 6), real(6, 24), real(24)
PAST = real(2, 2, 2, 3, 4)
RAW = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]], I32)
LONG = np.array([[1, 1, 1, 0, 0, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0, 1]], I32)
FULL = (real(2, 5, 5) > -0.8).astype(I32)
ENDS, SPANS = np.array([3, 5], I32), np.array([3, 5, 0, 2], I32)


def attention(*rest: Array | None, **options: Any) -> Case:
    """Attention of two heads, with the inputs REST behind the bias."""
    return microsoft("Attention", X, WEIGHTS, BIAS, *rest, num_heads=2, **options)


CASES = [
    microsoft("Attention", X, WEIGHTS, None, num_heads=2),
    attention(scale=0.7),
    attention(unidirectional=1),
    *[attention(mask) for mask in (RAW, FULL, ENDS, SPANS)],
    attention(RAW, unidirectional=1, mask_filter_value=-7.0),
    attention(None, None, real(2, 2, 5, 5)),
    attention(RAW, None, real(1, 2, 5, 5), unidirectional=1),
    attention(None, PAST, outputs=2),
    attention(LONG, PAST, unidirectional=1, outputs=2),
    attention(None, None, outputs=2),
    microsoft("Attention", X, real(6, 20), real(20), num_heads=2, qkv_hidden_sizes=[8, 8, 4]),
]


def quantized(*rest: Array | None, weights: Any = U8, scale: Any = 0.02, **options: Any) -> Case:
    x, w = whole(2, 5, 6, dtype=U8, low=0, high=200), whole(6, 24, dtype=weights, low=0, high=100)
    scales = np.array(0.03, F32), np.asarray(scale, F32)
    return microsoft("QAttention", x, w, BIAS, *scales, *rest, num_heads=2, tolerance=2e-4, **options)


ZEROS = np.array(90, U8), np.array(40, U8)
QUANTIZED = [
    quantized(None, *ZEROS),
    quantized(RAW, *ZEROS),
    quantized(RAW, *ZEROS, unidirectional=1, mask_filter_value=-5.0),
    quantized(None, *ZEROS, PAST, outputs=2, unidirectional=1),
    quantized(
        None, ZEROS[0], np.zeros(24, I8), weights=I8, scale=np.linspace(0.01, 0.03, 24), unidirectional=1
    ),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES + QUANTIZED), ids=label)
def test_self_attention(given: Case, opset: int) -> None:
    check(given, opset)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (attention(do_rotary=1), UnsupportedError, "do_rotary"),
        (attention(past_present_share_buffer=1), UnsupportedError, "past_present_share_buffer"),
        (attention(np.zeros((2, 1, 5, 5), I32)), UnsupportedError, "a mask of 4 dimensions"),
        (attention(np.zeros(8, I32)), UnsupportedError, "a mask tensor<8xi32> for 2 sequences"),
        (attention(RAW[:, 1:]), ModelError, "its mask tensor<2x4xi32>"),
        (attention(RAW.astype(F32)), ModelError, "integers are expected"),
        (attention(None, PAST[:, 1:]), ModelError, "its past"),
        (attention(None, PAST[0]), ModelError, "its past"),
        (attention(qkv_hidden_sizes=[8, 8, 4]), ModelError, "24 features do not split"),
        (microsoft("Attention", X, WEIGHTS, BIAS), ModelError, "'num_heads' is 0"),
        (microsoft("Attention", X, WEIGHTS, BIAS[1:], num_heads=2), ModelError, "its bias"),
        (microsoft("Attention", X[0], WEIGHTS, BIAS, num_heads=2), ModelError, "it projects"),
    ],
)
def test_what_is_refused(given: Case, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        import_model(given.model(18).SerializeToString())
