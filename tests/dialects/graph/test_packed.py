"""Products with packed weights: what they compute, as arrays and as scalars, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BF16, F16, F32, I32, DType
from glassrt.dialects.graph.block_format import BlockFormat
from glassrt.dialects.graph.packed import PackedMatmul, UnpackWeights
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated

FORMS = [BlockFormat(4, 16, 16, True), BlockFormat(4, 128, 32, True), BlockFormat(8, 32, 16, False)]
COLUMNS, DEPTH = 19, 133


def packed(form: BlockFormat, columns: int = COLUMNS, depth: int = DEPTH) -> tuple[Any, Any, dict[str, Any]]:
    """Random packed weights, what they stand for, and the attributes that say so."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 1 << form.bits, (columns, depth)).astype(np.uint8)
    blocks = columns, -(-depth // form.block)
    scale = rng.uniform(0.5, 2.0, blocks).astype(np.float16)
    offset = rng.integers(-form.middle, form.middle, blocks).astype(np.float32) if form.shifted else None
    words = form.packed(numbers, scale, offset)
    stated = {"bits": form.bits, "block": form.block, "scale_bits": form.scale_bits, "shifted": form.shifted}
    return words, form.unpacked(words, columns, depth), {"columns": columns} | stated


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_weights_are_unpacked(form: BlockFormat) -> None:
    words, want, stated = packed(form, 5, 70)
    check_op(UnpackWeights, [words], **stated, depth=70, to=F32, symbolic=False)
    op = build(UnpackWeights, [words], **stated, depth=70, to=F16)
    assert np.array_equal(evaluated(op, [words]), want.astype(np.float32).astype(np.float16))


@pytest.mark.parametrize("dtype", [F32, BF16], ids=str)
def test_products_are_those_of_the_weights(dtype: DType) -> None:
    for form in FORMS:
        words, weights, stated = packed(form, 4, 35)
        a = np.random.default_rng(1).standard_normal((2, 3, 35)).astype(dtype.numpy)
        check_op(PackedMatmul, [a, words], **stated, symbolic=False)
        op = build(PackedMatmul, [a, words], **stated, accumulate=F32)
        have = evaluated(op, [a, words])
        assert have.dtype == np.float32
        np.testing.assert_allclose(have, a.astype(np.float64) @ weights.T, rtol=2e-5, atol=2e-4 * form.middle)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bits": 5}, "numbers of 5 bits"),
        ({"block": 24}, "blocks of 24"),
        ({"columns": 0}, "it has no columns"),
        ({"columns": 40}, "the packed weights are"),
        ({"shifted": False}, "is expected"),
        ({"depth": 300}, "is expected"),
        ({"to": I32}, "weights as i32"),
    ],
)
def test_other_weights_are_refused(changed: dict[str, Any], message: str) -> None:
    words, _, stated = packed(FORMS[0])
    with pytest.raises(IRError, match=message):
        build(UnpackWeights, [words], **({**stated, "depth": DEPTH, "to": F32} | changed))


def test_other_operands_are_refused() -> None:
    words, _, stated = packed(FORMS[0])
    with pytest.raises(IRError, match="at least two dimensions"):
        build(PackedMatmul, [np.zeros(DEPTH, np.float32), words], **stated)
    with pytest.raises(IRError, match="a float is expected"):
        build(PackedMatmul, [np.zeros((1, DEPTH), np.int32), words], **stated)
    with pytest.raises(IRError, match="packed weights are u64"):
        build(PackedMatmul, [np.zeros((1, DEPTH), np.float32), words.view(np.int64)], **stated)
