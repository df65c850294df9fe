"""What the cost model sees of a contraction: a configuration, the problem it shares out, fitted constants."""

from __future__ import annotations

from dataclasses import dataclass

from ..geometry import COPY_BYTES, Problem
from .tile import Tiling

SHARED_BYTES = 128.0  # per clock and multiprocessor
SUM_BYTES = 4


@dataclass(frozen=True)
class Constants:
    """What a fit finds. Times are in cycles unless they say otherwise."""

    efficiency: float = 0.78  # of the products' peak rate
    l2_bytes: float = 60.0  # per clock and multiprocessor
    narrow: float = 2.5  # what a copy narrower than 16 bytes costs, by its share of them
    memory_latency: float = 925.0  # from a copy's request to its landing, L2 and DRAM mixed
    step_latency: float = 25.0  # one dependent round of fragment loads and products
    start: float = 1170.0  # until a block's first tile has landed
    finish: float = 16.7  # a byte of a thread's sums, from registers to memory
    split: float = 4790.0  # the counter's round trip and the last block's reads
    launch: float = 0.44  # microseconds


@dataclass(frozen=True)
class Work:
    """A configuration as the model sees it. `flops_per_clock` are the products' peak rate,
    `shared_bytes` what fragments read of one k tile, `steps` the dependent rounds of products in
    it, `resident` the blocks side by side, `groups` the k groups of warps that sum apart."""

    tiling: Tiling
    resident: int
    flops_per_clock: float
    shared_bytes: float
    steps: int
    groups: int = 1

    @property
    def sum_bytes(self) -> int:
        """Bytes of the block's accumulators."""
        return self.tiling.block_m * self.tiling.block_n * SUM_BYTES


@dataclass(frozen=True)
class Load:
    """A problem at its optimal sizes, shared out by a configuration."""

    blocks: int
    k_tiles: int
    moved_bytes: float
    element_bytes: int
    copy_bytes: int

    @classmethod
    def of(cls, problem: Problem, work: Work) -> Load:
        m, n, k = (problem.at_optimum(dim) for dim in (problem.m, problem.n, problem.k))
        batches = problem.at_optimum(problem.batches)
        tiling = work.tiling
        tiles = -(-m // tiling.block_m) * -(-n // tiling.block_n) * batches
        moved = m * k / max(1, problem.taps) * problem.a_stored.bytes + n * k * problem.b.bytes + m * n * 2
        return cls(
            blocks=tiles * tiling.splits,
            k_tiles=-(-k // tiling.block_k // tiling.splits),
            moved_bytes=batches * moved,
            element_bytes=problem.a.bytes,
            copy_bytes=min(
                problem.a_vector * problem.a.bytes, problem.b_vector * problem.b.bytes, COPY_BYTES
            ),
        )
