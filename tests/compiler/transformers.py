"""Encoders of the BERT family, small, spelled as torch.onnx and tf2onnx spell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .spellings import Onnx


@dataclass(frozen=True)
class Encoder:
    """LAYERS of self-attention and a feed-forward network over TOKENS.

    opset: LayerNormalization is one node from 17 on, Gelu from 20 on, Attention from 23 on.
    written_out: norms are written out in any opset. inner: how much wider the feed-forward network is.
    halves: the scale stands on q and on k, as scaled_dot_product_attention is exported, else on the
    scores. packed: q, k and v are one product, split. bare_keys: the product for k has none, as in Whisper.
    symbolic: the batch is the symbol B.
    """

    layers: int = 2
    tokens: int = 16
    heads: int = 4
    features: int = 16
    opset: int = 17
    written_out: bool = False
    inner: int = 2
    halves: bool = False
    packed: bool = False
    bare_keys: bool = False
    symbolic: bool = False

    @property
    def width(self) -> int:
        return self.heads * self.features

    def build(self) -> bytes:
        """The ONNX model: inputs in0, the embeddings, and in1, 1 for tokens that are there, else 0."""
        g = Onnx(self.opset)
        batch = "B" if self.symbolic else 2
        x = g.input(batch, self.tokens, self.width)
        kept = g("Unsqueeze", g.input(batch, self.tokens), g.ints(1, 2))
        lowest = g.const(np.finfo(np.float32).min)
        mask = g("Mul", g("Sub", g.const(1.0), kept), lowest)
        for _ in range(self.layers):
            x = self._layer(g, x, mask)
        return g.done(x)

    def inputs(self) -> dict[str, Any]:
        random = np.random.default_rng(5)
        kept = np.ones((2, self.tokens), np.float32)
        kept[1, self.tokens // 2 :] = 0
        embeddings = random.standard_normal((2, self.tokens, self.width)).astype(np.float32)
        return {"in0": embeddings, "in1": kept}

    def _layer(self, g: Onnx, x: str, mask: str) -> str:
        attended = self._linear(g, self._attention(g, x, mask), self.width, self.width)
        x = self._norm(g, g("Add", attended, x))
        inner = self.inner * self.width
        gelu = self._gelu(g, self._linear(g, x, self.width, inner))
        return self._norm(g, g("Add", self._linear(g, gelu, inner, self.width), x))

    def _gelu(self, g: Onnx, x: str) -> str:
        if self.opset >= 20:
            return g("Gelu", x)
        bell = g("Add", g("Erf", g("Div", x, g.const(2**0.5))), g.const(1.0))
        return g("Mul", g("Mul", x, bell), g.const(0.5))

    def _attention(self, g: Onnx, x: str, mask: str) -> str:
        q, k, v = self._projections(g, x)
        if self.opset >= 23:
            split = [self._split(g, x) for x in (q, k, v)]
            return self._merged(g, g("Attention", *split, mask))
        if self.halves:
            half = g.const(self.features**-0.25)
            q = g("Mul", self._split(g, q), half)
            k = g("Mul", g("Transpose", self._split(g, k), perm=[0, 1, 3, 2]), half)
            scores = g("MatMul", q, k)
        else:
            product = g("MatMul", self._split(g, q), self._split(g, k, [0, 2, 3, 1]))
            scores = g("Div", product, g.const(self.features**0.5))
        weights = g("Softmax", g("Add", scores, mask), axis=-1)
        return self._merged(g, g("MatMul", weights, self._split(g, v)))

    def _merged(self, g: Onnx, heads: str) -> str:
        return g("Reshape", g("Transpose", heads, perm=[0, 2, 1, 3]), g.ints(0, 0, self.width))

    def _projections(self, g: Onnx, x: str) -> list[str]:
        if not self.packed:
            biased = (True, not self.bare_keys, True)
            return [self._linear(g, x, self.width, self.width, bias) for bias in biased]
        rows = self._linear(g, x, self.width, 3 * self.width)
        ends = [(i * self.width, (i + 1) * self.width) for i in range(3)]
        return [g("Slice", rows, g.ints(a), g.ints(b), g.ints(2)) for a, b in ends]

    def _split(self, g: Onnx, x: str, perm: list[int] | None = None) -> str:
        shape = g.ints(0, 0, self.heads, self.features)
        return g("Transpose", g("Reshape", x, shape), perm=perm or [0, 2, 1, 3])

    def _linear(self, g: Onnx, x: str, depth: int, columns: int, bias: bool = True) -> str:
        weight = g.const(g.random.standard_normal((depth, columns)) * depth**-0.5)
        if not bias:
            return g("MatMul", x, weight)
        return g("Add", g.const(g.random.standard_normal(columns) * 0.1), g("MatMul", x, weight))

    def _norm(self, g: Onnx, x: str) -> str:
        scale = g.const(1 + 0.1 * g.random.standard_normal(self.width))
        bias = g.const(0.1 * g.random.standard_normal(self.width))
        if self.opset >= 17 and not self.written_out:
            return g("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-12)
        centred = g("Sub", x, g.mean(x, [-1]))
        square = g.mean(g("Pow", centred, g.const(2.0)), [-1])
        normal = g("Div", centred, g("Sqrt", g("Add", square, g.const(1e-12))))
        return g("Add", g("Mul", normal, scale), bias)
