"""Which interactions there are kernels for, and where their parts are in shared memory.

A warp has a sample. Its features lie in shared memory as lines with some bytes between them, so that eight
lines have all banks; lines of zeros fill them up to whole fragments of `mma`. So do its products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ....dialects.graph.interaction import Interaction
from ..contraction.problem import COPY_BYTES

WARP = 32
FRAGMENT = 16  # features of a fragment, and numbers of a feature in a step of k
MOST_FEATURES = 32  # a lane looks up one each
PAD = 8  # elements after each line


@dataclass(frozen=True)
class InteractionConfig:
    """Samples of a block, a warp each."""

    samples: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.samples


@dataclass(frozen=True)
class InteractionLayout:
    """Sizes of an interaction of so many FEATURES of WIDTH numbers of BYTES each, and of its parts in a
    block. results: elements of a sample that are stored; vector: of these, how many at a time."""

    features: int
    width: int
    pairs: int
    results: int
    bytes: int
    config: InteractionConfig

    @property
    def lines(self) -> int:
        """Features, filled up to whole fragments."""
        return -(-self.features // FRAGMENT) * FRAGMENT

    @property
    def chunks(self) -> int:
        """Copies of 16 bytes of a feature."""
        return self.width * self.bytes // COPY_BYTES

    @property
    def together(self) -> int:
        """Lines that a warp copies at a time."""
        return WARP // self.chunks

    @property
    def passes(self) -> int:
        """How often it does."""
        return self.lines // self.together

    @property
    def vector(self) -> int:
        """Results that are stored at a time: all blocks begin at a multiple of them."""
        return math.gcd(self.config.samples * self.results, COPY_BYTES // self.bytes)

    @property
    def places_bytes(self) -> int:
        """Shared memory of the places of pairs among the products."""
        return -(-self.pairs * 2 // COPY_BYTES) * COPY_BYTES

    @property
    def sample_elements(self) -> int:
        """Elements of shared memory of a sample: its features, then its products."""
        return self.lines * (self.width + PAD + self.lines + PAD)

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of a block."""
        return self.places_bytes + self.config.samples * self.sample_elements * self.bytes


def fits(op: Interaction) -> bool:
    """Whether there is a kernel for the sizes of OP: lines of 16 bytes, a power of two of them."""
    width, pairs = op.width, op.pairs.type.shape[0]
    if not isinstance(width, int) or not isinstance(pairs, int) or pairs == 0:
        return False
    rows = [table.type.shape[0] for table in op.looked_up]
    chunks = width // (COPY_BYTES // 2)
    whole = width % FRAGMENT == 0 and chunks in (2, 4, 8, 16)
    static = all(isinstance(count, int) and count > 0 for count in rows)
    columns = op.indices.type.shape[1] if op.indices is not None else 0
    return whole and static and isinstance(columns, int) and 1 < len(op.sources) <= MOST_FEATURES


def layout_of(op: Interaction, config: InteractionConfig) -> InteractionLayout:
    """The layout of OP, which fits, under CONFIG."""
    width, pairs, results = op.width, op.pairs.type.shape[0], op.y.type.shape[1]
    assert isinstance(width, int) and isinstance(pairs, int) and isinstance(results, int)
    return InteractionLayout(len(op.sources), width, pairs, results, 2, config)
