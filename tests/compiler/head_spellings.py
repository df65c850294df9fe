"""How libraries make heads of queries, keys and values, and merge them again; small ONNX models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .spellings import Onnx, Spelling

BATCH, TOKENS, HEADS, FEATURES = 2, 5, 3, 4
WIDTH = HEADS * FEATURES


def linear(g: Onnx, x: str, columns: int = WIDTH) -> str:
    return g("Add", g("MatMul", x, g.weights(WIDTH, columns)), g.weights(columns))


def attended(g: Onnx, q: str, k: str, v: str, perm: Sequence[int] = (0, 1, 3, 2)) -> str:
    scores = g("Mul", g("MatMul", q, g("Transpose", k, perm=list(perm))), g.const(0.5))
    return g("MatMul", g("Softmax", scores, axis=-1), v)


def merged(g: Onnx, y: str) -> str:
    rows = g("Reshape", g("Transpose", y, perm=[0, 2, 1, 3]), g.ints(BATCH, TOKENS, WIDTH))
    return linear(g, rows)


def stacked(g: Onnx) -> str:
    """timm: [batch, tokens, 3, heads, features] turned so that the three come first."""
    rows = linear(g, g.input(BATCH, TOKENS, WIDTH), 3 * WIDTH)
    split = g("Reshape", rows, g.ints(BATCH, TOKENS, 3, HEADS, FEATURES))
    stack = g("Transpose", split, perm=[2, 0, 3, 1, 4])
    return merged(g, attended(g, *(g("Gather", stack, g.const(i, np.int64), axis=0) for i in range(3))))


def by_head(g: Onnx) -> str:
    """GPT-NeoX: queries, keys and values of a head stand together."""
    rows = linear(g, g.input(BATCH, TOKENS, WIDTH), 3 * WIDTH)
    heads = g("Reshape", rows, g.ints(BATCH, TOKENS, HEADS, 3 * FEATURES))
    turned = g("Transpose", heads, perm=[0, 2, 1, 3])
    ends = [(i * FEATURES, (i + 1) * FEATURES) for i in range(3)]
    return merged(g, attended(g, *(g("Slice", turned, g.ints(a), g.ints(b), g.ints(3)) for a, b in ends)))


def three_dimensions(g: Onnx) -> str:
    """Older nn.MultiheadAttention: heads merged with the batch, a mask of keys for every head."""
    rows = linear(g, g.input(TOKENS, BATCH, WIDTH), 3 * WIDTH)
    ends = [(i * WIDTH, (i + 1) * WIDTH) for i in range(3)]
    parts = [g("Slice", rows, g.ints(a), g.ints(b), g.ints(2)) for a, b in ends]
    shape = g.ints(TOKENS, BATCH * HEADS, FEATURES)
    q, k, v = (g("Transpose", g("Reshape", part, shape), perm=[1, 0, 2]) for part in parts)
    keys = g("Unsqueeze", g.input(BATCH, TOKENS), g.ints(1, 2))
    each = g("Expand", keys, g.ints(BATCH, HEADS, 1, TOKENS))
    mask = g("Reshape", each, g.ints(BATCH * HEADS, 1, TOKENS))
    scores = g("MatMul", g("Mul", q, g.const(0.5)), g("Transpose", k, perm=[0, 2, 1]))
    y = g("MatMul", g("Softmax", g("Add", scores, mask), axis=-1), v)
    return linear(g, g("Reshape", g("Transpose", y, perm=[1, 0, 2]), g.ints(TOKENS, BATCH, WIDTH)))


def einsum(g: Onnx) -> str:
    x = g.input(BATCH, TOKENS, WIDTH)
    q, k, v = (g("Reshape", linear(g, x), g.ints(BATCH, TOKENS, HEADS, FEATURES)) for _ in range(3))
    scores = g("Mul", g("Einsum", q, k, equation="bqhd,bkhd->bhqk"), g.const(0.5))
    y = g("Einsum", g("Softmax", scores, axis=-1), v, equation="bhqk,bkhd->bqhd")
    return linear(g, g("Reshape", y, g.ints(BATCH, TOKENS, WIDTH)))


def one_key_head(g: Onnx) -> str:
    """Multi-query attention."""
    x = g.input(BATCH, TOKENS, WIDTH)
    heads = g("Reshape", linear(g, x), g.ints(BATCH, TOKENS, HEADS, FEATURES))
    k, v = (g("Unsqueeze", linear(g, x, FEATURES), g.ints(1)) for _ in range(2))
    return merged(g, attended(g, g("Transpose", heads, perm=[0, 2, 1, 3]), k, v))


HEAD_SPELLINGS: dict[str, Spelling] = {
    "stacked": stacked,
    "by head": by_head,
    "three dimensions": three_dimensions,
    "einsum": einsum,
    "one key head": one_key_head,
}
