"""The inputs of the contraction cost model: a configuration, and a problem divided by it."""

from __future__ import annotations

from dataclasses import dataclass

from .problem import COPY_BYTES, Problem
from .tile import Tiling

ACCUMULATOR_BYTES = 4  # bytes of an accumulator; f64 and i64 are not modelled


@dataclass(frozen=True)
class Work:
    """A configuration as the cost model sees it.

    resident: the occupancy in blocks per multiprocessor. flops_per_clock: the peak rate of the product, per
    multiprocessor. Per k tile: shared_bytes are read from shared memory by fragment loads, in `steps`
    dependent rounds of multiply-adds. groups: k groups of warps with accumulators of their own.
    """

    tiling: Tiling
    resident: int
    flops_per_clock: float
    shared_bytes: float
    steps: int
    groups: int = 1

    @property
    def accumulator_bytes(self) -> int:
        """Bytes of the block's accumulators."""
        return self.tiling.block_m * self.tiling.block_n * ACCUMULATOR_BYTES


@dataclass(frozen=True)
class ContractionLoad:
    """A problem at its optimal sizes, divided by a configuration.

    blocks: of the launch grid; k_tiles: per block; moved_bytes: traffic to and from memory; element_bytes:
    of A's elements; copy_bytes: width of the narrower operand's copies; astride: see `Problem.is_astride`.
    """

    blocks: int
    k_tiles: int
    moved_bytes: float
    element_bytes: int
    copy_bytes: int
    astride: bool

    @classmethod
    def of(cls, problem: Problem, work: Work) -> ContractionLoad:
        """The load of PROBLEM with the configuration WORK."""
        m, n, k = (problem.at_optimum(dim) for dim in (problem.m, problem.n, problem.k))
        batches = problem.at_optimum(problem.batches)
        tiling = work.tiling
        tiles = -(-m // tiling.block_m) * -(-n // tiling.block_n) * batches
        moved = (
            m * k / max(1, problem.taps) * problem.a_stored.bytes
            + n * k * problem.b.bytes
            + m * n * problem.result_bytes
        )
        return cls(
            blocks=tiles * tiling.splits,
            k_tiles=-(-k // tiling.block_k // tiling.splits),
            moved_bytes=batches * moved,
            element_bytes=problem.a.bytes,
            copy_bytes=min(
                problem.a_vector * problem.a.bytes, problem.b_vector * problem.b.bytes, COPY_BYTES
            ),
            astride=problem.is_astride,
        )
