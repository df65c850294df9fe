"""Encoders and decoders of nn.MultiheadAttention and nn.Transformer, small, as torch.onnx writes them.

The exporter keeps what these modules do in PyTorch: tokens stand before the batch around attention, the
packed projection is split by Unsqueeze, Transpose, Squeeze and Gather, and heads are merged with the batch
and split from it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .spellings import Onnx


@dataclass(frozen=True)
class TorchTransformer:
    """LAYERS of nn.TransformerEncoderLayer, or with DECODER of nn.TransformerDecoderLayer.

    batch_first: the inputs are [batch, tokens, width], else [tokens, batch, width]. norm_first: norms stand
    before attention and feed-forward network, else after the sums. inner: how much wider the feed-forward
    network is. memory: the tokens that a decoder reads. causal: a decoder's mask, made by Trilu.
    """

    layers: int = 2
    batch: int = 2
    tokens: int = 16
    heads: int = 2
    features: int = 16
    inner: int = 2
    memory: int = 24
    decoder: bool = False
    batch_first: bool = True
    norm_first: bool = True
    causal: bool = True

    @property
    def width(self) -> int:
        return self.heads * self.features

    def build(self) -> bytes:
        """The ONNX model: input in0, the embeddings, and for a decoder in1, what the encoder gave."""
        return self.into(Onnx(18))

    def into(self, g: Onnx) -> bytes:
        x = g.input(*self._shape(self.tokens))
        memory = g.input(*self._shape(self.memory)) if self.decoder else None
        for _ in range(self.layers):
            x = self.layer(g, x, memory)
        return g.done(self.norm(g, x) if self.norm_first else x)

    def inputs(self) -> dict[str, Any]:
        random = np.random.default_rng(5)
        sizes = [self.tokens, self.memory] if self.decoder else [self.tokens]
        arrays = [random.standard_normal(self._shape(size)).astype(np.float32) for size in sizes]
        return {f"in{index}": array for index, array in enumerate(arrays)}

    def layer(self, g: Onnx, x: str, memory: str | None) -> str:
        """One layer on X: self-attention, attention to MEMORY, if any, and the feed-forward network."""
        x = self._around(g, x, lambda y: self._attention(g, y, y, self.tokens))
        if memory is not None:
            x = self._around(g, x, lambda y: self._attention(g, y, memory, self.memory))
        return self._around(g, x, lambda y: self._feed_forward(g, y))

    def norm(self, g: Onnx, x: str) -> str:
        scale = g.const(1 + 0.1 * g.random.standard_normal(self.width))
        bias = g.const(0.1 * g.random.standard_normal(self.width))
        return g("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-5)

    def _shape(self, tokens: int) -> tuple[int, int, int]:
        return (self.batch, tokens, self.width) if self.batch_first else (tokens, self.batch, self.width)

    def _around(self, g: Onnx, x: str, block: Any) -> str:
        if self.norm_first:
            return g("Add", x, block(self.norm(g, x)))
        return self.norm(g, g("Add", x, block(x)))

    def _feed_forward(self, g: Onnx, x: str) -> str:
        inner = self.inner * self.width
        return self._linear(g, g("Relu", self._linear(g, x, self.width, inner)), inner, self.width)

    def _attention(self, g: Onnx, x: str, memory: str, keys: int) -> str:
        """nn.MultiheadAttention of X to MEMORY, which has KEYS tokens."""
        q, k, v = self._packed(g, x, memory, keys)
        scale = g.const([self.features**-0.25])
        queries = g("Mul", self._heads(g, q, self.tokens), scale)
        scores = g("MatMul", queries, g("Mul", self._turned(g, self._heads(g, k, keys), keys), scale))
        if x == memory and self.decoder and self.causal:
            full = g("Expand", g.const(-np.inf), g.ints(self.tokens, self.tokens))
            mask = g("Trilu", full, g.const(1, np.int64), upper=1)
            scores = g("Add", scores, g("Unsqueeze", mask, g.ints(0, 1)))
        y = g("MatMul", g("Softmax", scores, axis=-1), self._heads(g, v, keys))
        rows = g("Reshape", g("Transpose", y, perm=[2, 0, 1, 3]), g.ints(-1, self.width))
        rows = g("Gemm", rows, g.weights(self.width, self.width), g.weights(self.width), transB=1)
        y = g("Reshape", rows, g.ints(self.tokens, self.batch, self.width))
        return self._batch_first(g, y)

    def _packed(self, g: Onnx, x: str, memory: str, keys: int) -> list[str]:
        """Queries, keys and values [tokens, batch, width], from one product, or two for cross attention."""
        turned = self._batch_first(g, x)
        if x == memory:
            return self._parts(g, self._linear(g, turned, self.width, 3 * self.width), self.tokens, 3)
        q = self._linear(g, turned, self.width, self.width)
        both = self._linear(g, self._batch_first(g, memory), self.width, 2 * self.width)
        return [q, *self._parts(g, both, keys, 2)]

    def _parts(self, g: Onnx, rows: str, tokens: int, count: int) -> list[str]:
        split = g("Reshape", rows, g.ints(tokens, self.batch, count, self.width))
        turned = g("Transpose", g("Unsqueeze", split, g.ints(0)), perm=[3, 1, 2, 0, 4])
        stacked = g("Squeeze", turned, g.ints(-2))
        return [g("Gather", stacked, g.const(index, np.int64), axis=0) for index in range(count)]

    def _heads(self, g: Onnx, x: str, tokens: int) -> str:
        """X [tokens, batch, width] as [batch, heads, tokens, features], heads first merged with the batch."""
        merged = g("Reshape", x, g.ints(tokens, self.batch * self.heads, self.features))
        turned = g("Transpose", merged, perm=[1, 0, 2])
        return g("Reshape", turned, g.ints(self.batch, self.heads, tokens, self.features))

    def _turned(self, g: Onnx, k: str, tokens: int) -> str:
        """Keys with their last two dimensions swapped, through three dimensions."""
        flat = g("Reshape", k, g.ints(-1, tokens, self.features))
        turned = g("Transpose", flat, perm=[0, 2, 1])
        return g("Reshape", turned, g.ints(self.batch, self.heads, self.features, tokens))

    def _batch_first(self, g: Onnx, x: str) -> str:
        return g("Transpose", x, perm=[1, 0, 2]) if self.batch_first else x

    def _linear(self, g: Onnx, x: str, depth: int, columns: int) -> str:
        weight = g.const(g.random.standard_normal((depth, columns)) * depth**-0.5)
        return g("Add", g("MatMul", x, weight), g.const(g.random.standard_normal(columns) * 0.1))
