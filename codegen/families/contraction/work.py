"""What the cost model sees of a contraction: a configuration, and the problem that it shares out."""

from __future__ import annotations

from dataclasses import dataclass

from .problem import COPY_BYTES, Problem
from .tile import Tiling

SUM_BYTES = 4


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
class ContractionLoad:
    """A problem at its optimal sizes, shared out by a configuration."""

    blocks: int
    k_tiles: int
    moved_bytes: float
    element_bytes: int
    copy_bytes: int

    @classmethod
    def of(cls, problem: Problem, work: Work) -> ContractionLoad:
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
