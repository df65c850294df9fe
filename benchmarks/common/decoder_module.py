"""A decoder of language as a module of PyTorch, with a static cache that is written in place; its weights are
those of `decoder_weights.py`."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import linear, rms_norm, scaled_dot_product_attention, silu

from .decoder_weights import EPSILON, Array, Weights


class TorchDecoder(nn.Module):
    """Tokens of each of BATCH sequences, in caches of KEYS."""

    def __init__(self, weights: Weights, batch: int, keys: int, dtype: torch.dtype) -> None:
        super().__init__()
        shape, self.shape = weights.shape, weights.shape
        self.matrices = nn.ParameterDict()
        widths = shape.heads * shape.depth, shape.kv_heads * shape.depth
        for layer in range(shape.layers):
            q, k, v = (
                weights.product(f"{layer}.{name}", shape.width, columns)
                for name, columns in zip("qkv", (widths[0], widths[1], widths[1]), strict=True)
            )
            gate, up = (
                weights.product(f"{layer}.{name}", shape.width, shape.hidden) for name in ("gate", "up")
            )
            self._keep(f"{layer}qkv", np.concatenate([q, k, v], 1), dtype)
            self._keep(f"{layer}o", weights.product(f"{layer}.o", widths[0], shape.width), dtype)
            self._keep(f"{layer}gate_up", np.concatenate([gate, up], 1), dtype)
            self._keep(f"{layer}down", weights.product(f"{layer}.down", shape.hidden, shape.width), dtype)
            for name in ("before", "after"):
                self._keep(f"{layer}{name}", weights.scale(f"{layer}.{name}"), dtype)
        self._keep("norm", weights.scale("norm"), dtype)
        self._keep("head", weights.product("head", shape.width, shape.vocabulary), dtype)
        self._keep("embedding", weights.embedding().T, dtype)
        angles = torch.from_numpy(weights.angles()).cuda()
        self.register_buffer("cos", angles.cos().to(dtype))
        self.register_buffer("sin", angles.sin().to(dtype))
        self.register_buffer("places", torch.arange(keys, device="cuda"))
        lead = 2 * shape.layers, batch, shape.kv_heads, keys, shape.depth
        self.register_buffer("caches", torch.zeros(lead, dtype=dtype, device="cuda"))

    def _keep(self, name: str, array: Array, dtype: torch.dtype) -> None:
        kept = torch.from_numpy(np.ascontiguousarray(array.T)).cuda().to(dtype)
        self.matrices[name] = nn.Parameter(kept, requires_grad=False)

    def forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """The logits [batch, vocabulary] behind the last of IDS [batch, tokens], which are at POSITIONS
        [tokens]."""
        x = self.matrices["embedding"][ids]
        cos, sin = self.cos[positions], self.sin[positions]
        seen = self.places <= positions[:, None]
        for layer in range(self.shape.layers):
            h = self._norm(x, f"{layer}before")
            x = x + linear(self._attended(layer, h, positions, cos, sin, seen), self.matrices[f"{layer}o"])
            h = self._norm(x, f"{layer}after")
            gate, up = linear(h, self.matrices[f"{layer}gate_up"]).chunk(2, -1)
            x = x + linear(silu(gate) * up, self.matrices[f"{layer}down"])
        return linear(self._norm(x[:, -1], "norm"), self.matrices["head"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return rms_norm(x, x.shape[-1:], self.matrices[name], EPSILON)

    def _attended(
        self, layer: int, h: torch.Tensor, positions: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor,
        seen: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        shape = self.shape
        widths = [count * shape.depth for count in (shape.heads, shape.kv_heads, shape.kv_heads)]
        q, k, v = (
            part.view(len(h), h.shape[1], -1, shape.depth).transpose(1, 2)
            for part in linear(h, self.matrices[f"{layer}qkv"]).split(widths, -1)
        )
        keys, values = self.caches[2 * layer], self.caches[2 * layer + 1]
        keys.index_copy_(2, positions, _turned(k, cos, sin))
        values.index_copy_(2, positions, v)
        attended = scaled_dot_product_attention(
            _turned(q, cos, sin), keys, values, attn_mask=seen, enable_gqa=True
        )
        return attended.transpose(1, 2).reshape(len(h), h.shape[1], -1)


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    low, high = x.chunk(2, -1)
    return torch.cat([low * cos - high * sin, high * cos + low * sin], -1)
