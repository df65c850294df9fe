"""A decoder of language as a module of PyTorch, with a static cache that is written in place; its weights are
those of `decoder_weights.py`."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import linear, rms_norm, scaled_dot_product_attention, silu

from .decoder_weights import EPSILON, Array, Weights


class TorchDecoder(nn.Module):
    """One token of each of BATCH sequences, behind caches of KEYS."""

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

    def forward(self, ids: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """The logits [batch, vocabulary] behind IDS [batch], all at POSITION [1]."""
        x = self.matrices["embedding"][ids]
        cos, sin = self.cos[position], self.sin[position]
        seen = (self.places <= position)[None, None, None]
        for layer in range(self.shape.layers):
            h = self._norm(x, f"{layer}before")
            x = x + linear(self._attended(layer, h, position, cos, sin, seen), self.matrices[f"{layer}o"])
            h = self._norm(x, f"{layer}after")
            gate, up = linear(h, self.matrices[f"{layer}gate_up"]).chunk(2, -1)
            x = x + linear(silu(gate) * up, self.matrices[f"{layer}down"])
        return linear(self._norm(x, "norm"), self.matrices["head"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return rms_norm(x, x.shape[-1:], self.matrices[name], EPSILON)

    def _attended(
        self, layer: int, h: torch.Tensor, position: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor,
        seen: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        shape = self.shape
        widths = [count * shape.depth for count in (shape.heads, shape.kv_heads, shape.kv_heads)]
        q, k, v = (
            part.view(len(h), -1, 1, shape.depth)
            for part in linear(h, self.matrices[f"{layer}qkv"]).split(widths, -1)
        )
        keys, values = self.caches[2 * layer], self.caches[2 * layer + 1]
        keys.index_copy_(2, position, _turned(k, cos, sin))
        values.index_copy_(2, position, v)
        attended = scaled_dot_product_attention(
            _turned(q, cos, sin), keys, values, attn_mask=seen, enable_gqa=True
        )
        return attended.reshape(len(h), -1)


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    low, high = x.chunk(2, -1)
    return torch.cat([low * cos - high * sin, high * cos + low * sin], -1)
