"""The sizes and the random weights of decoders of language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
EPSILON, BASE = 1e-5, 500000.0
POOL = 1 << 22  # numbers that weights are cut from
BLOCK = 32  # of weights of few bits, which share a scale


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
    equal. bits: of the weights of products, with a scale for each block; 0 for those in floats.
    """

    shape: DecoderShape
    dtype: str = "float16"
    bits: int = 0
    _pools: dict[float, Array] = field(default_factory=dict, repr=False)

    def _pool(self, deviation: float) -> Array:
        if deviation not in self._pools:
            numbers = np.random.default_rng(0).standard_normal(POOL, np.float32)
            self._pools[deviation] = (numbers * np.float32(deviation)).astype(self.dtype)
        return self._pools[deviation]

    def product(self, name: str, rows: int, columns: int) -> Array:
        """The weight NAME [ROWS, COLUMNS] of a product that keeps the variance."""
        if not self.bits:
            return self._cut(name, self._pool(rows**-0.5), rows, columns)
        numbers, scale = self.stored(name, rows, columns)
        wide = numbers.astype(np.float32) - (1 << (self.bits - 1))
        wide *= np.repeat(scale.astype(np.float32), BLOCK, 1)
        return wide.T

    def stored(self, name: str, rows: int, columns: int) -> tuple[Array, Array]:
        """The numbers of that weight [COLUMNS, ROWS], which begin at 0, and their scales [COLUMNS,
        blocks]."""
        middle = 1 << (self.bits - 1)
        if 0.0 not in self._pools:
            wide = np.rint(np.random.default_rng(0).standard_normal(POOL, np.float32) * (middle / 3))
            self._pools[0.0] = (wide + middle).clip(0, 2 * middle - 1).astype(np.uint8)
        numbers = self._cut(name, self._pools[0.0], columns, rows)
        scale = _random(f"{name}.scale").uniform(0.75, 1.25, (columns, rows // BLOCK)) * (
            3 * rows**-0.5 / middle
        )
        return numbers, scale.astype(self.dtype)

    def embedding(self) -> Array:
        """[vocabulary, width]."""
        return self._cut("embedding", self._pool(1.0), self.shape.vocabulary, self.shape.width)

    def _cut(self, name: str, pool: Array, rows: int, columns: int) -> Array:
        count = rows * columns
        made = np.empty(count, pool.dtype)
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
