"""The sizes and the random weights of decoders of language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
EPSILON, BASE = 1e-5, 500000.0
POOL = 1 << 22  # numbers that weights are cut from


@dataclass(frozen=True)
class DecoderShape:
    """The sizes of a decoder; `places` is the most positions that rotary tables have."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    depth: int
    hidden: int
    vocabulary: int
    places: int = 4096


LLAMA_1B = DecoderShape(16, 2048, 32, 8, 64, 8192, 128256, 16384)
SMALL = DecoderShape(2, 64, 4, 2, 16, 96, 80, 64)


@dataclass
class Weights:
    """Random weights of a decoder by name, made when they are asked for.

    They are cut from one pool of numbers, since a generator takes half a minute for a billion; no two are
    equal.
    """

    shape: DecoderShape
    dtype: str = "float16"
    _pools: dict[float, Array] = field(default_factory=dict, repr=False)

    def _pool(self, deviation: float) -> Array:
        if deviation not in self._pools:
            numbers = np.random.default_rng(0).standard_normal(POOL, np.float32)
            self._pools[deviation] = (numbers * np.float32(deviation)).astype(self.dtype)
        return self._pools[deviation]

    def product(self, name: str, rows: int, columns: int) -> Array:
        """The weight NAME [ROWS, COLUMNS] of a product that keeps the variance."""
        return self._cut(name, rows, columns, rows**-0.5)

    def embedding(self) -> Array:
        """[vocabulary, width]."""
        return self._cut("embedding", self.shape.vocabulary, self.shape.width, 1.0)

    def _cut(self, name: str, rows: int, columns: int, deviation: float) -> Array:
        pool, count = self._pool(deviation), rows * columns
        made = np.empty(count, self.dtype)
        for at, start in zip(
            range(0, count, POOL), _random(name).integers(0, POOL, -(-count // POOL)), strict=True
        ):
            part = made[at : at + POOL]
            first = pool[start : start + len(part)]
            part[: len(first)], part[len(first) :] = first, pool[: len(part) - len(first)]
        return made.reshape(rows, columns)

    def scale(self, name: str) -> Array:
        """The scale of the norm NAME."""
        return _random(name).uniform(0.5, 1.5, self.shape.width).astype(self.dtype)

    def angles(self) -> Array:
        """The rotary angles of each position, [places, pairs]."""
        exponents = np.arange(0, self.shape.depth, 2) / self.shape.depth
        return np.arange(self.shape.places)[:, None] * (BASE**-exponents)[None, :]


def _random(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))
