"""What a decoder computes, in numpy, with caches that grow."""

from __future__ import annotations

import numpy as np

from .decoder_weights import EPSILON, Array, Weights


class NumpyDecoder:
    """A decoder in f64; its caches are [batch, few heads, keys, depth], in the order of the model's."""

    def __init__(self, weights: Weights, caches: list[Array]) -> None:
        self._weights, self.caches = weights, [cache.astype(np.float64) for cache in caches]

    def step(self, ids: Array, positions: Array) -> Array:
        """The logits [batch, vocabulary] behind one token of each sequence, IDS [batch] at POSITIONS."""
        weights, shape = self._weights, self._weights.shape
        x = weights.embedding().astype(np.float64)[ids]
        for layer in range(shape.layers):
            h = self._norm(x, f"{layer}.before")
            x = x + self._linear(self._attended(layer, h, positions), f"{layer}.o", shape.width)
            h = self._norm(x, f"{layer}.after")
            gate, up = (self._linear(h, f"{layer}.{name}", shape.hidden) for name in ("gate", "up"))
            x = x + self._linear(gate / (1 + np.exp(-gate)) * up, f"{layer}.down", shape.width)
        return self._linear(self._norm(x, "norm"), "head", shape.vocabulary)

    def _attended(self, layer: int, h: Array, positions: Array) -> Array:
        shape = self._weights.shape
        few, group = shape.kv_heads, shape.heads // shape.kv_heads
        q, k, v = (
            self._linear(h, f"{layer}.{name}", heads * shape.depth).reshape(len(h), heads, shape.depth)
            for name, heads in (("q", shape.heads), ("k", few), ("v", few))
        )
        q, k = (self._turned(x, positions) for x in (q, k))
        for part, new in enumerate((k, v)):
            at = 2 * layer + part
            self.caches[at] = np.concatenate([self.caches[at], new[:, :, None]], 2)
        keys, values = self.caches[2 * layer : 2 * layer + 2]
        scores = np.einsum("bhgd,bhkd->bhgk", q.reshape(len(h), few, group, -1), keys) * shape.depth**-0.5
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        return np.einsum("bhgk,bhkd->bhgd", powers / powers.sum(-1, keepdims=True), values).reshape(
            len(h), -1
        )

    def _linear(self, x: Array, name: str, columns: int) -> Array:
        return np.asarray(x @ self._weights.product(name, x.shape[1], columns).astype(np.float64))

    def _norm(self, x: Array, name: str) -> Array:
        return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * self._weights.scale(name))

    def _turned(self, x: Array, positions: Array) -> Array:
        angles = self._weights.angles()[positions][:, None]
        low, high = np.split(x, 2, -1)
        cos, sin = np.cos(angles), np.sin(angles)
        return np.concatenate([low * cos - high * sin, high * cos + low * sin], -1)
