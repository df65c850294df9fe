"""How long a contraction takes, from the tile alone.

Two times of a multiprocessor are added in a norm, because neither hides the other fully: what its
units need for all its blocks, and the latencies of the blocks that run one after another. The
constants are the target's, fitted to timings by `benchmarks/contraction_fit.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..arch.spec import ArchSpec, ContractionFit
from .geometry import COPY_BYTES, Problem

UNITS_NORM = 4.0  # of the units of a multiprocessor, which overlap well
PHASES_NORM = 1.5  # of throughput and latency


@dataclass(frozen=True)
class Work:
    """A configuration as the model sees it. `flops_per_clock` are the products' peak rate,
    `shared_bytes` what fragments read of one k tile, `steps` the dependent rounds of products in
    it, `resident` the blocks side by side."""

    block_m: int
    block_n: int
    block_k: int
    threads: int
    stages: int
    splits: int
    resident: int
    flops_per_clock: float
    shared_bytes: float
    steps: int
    groups: int = 1


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
        tiles = -(-m // work.block_m) * -(-n // work.block_n) * batches
        moved = m * k / max(1, problem.taps) * problem.a_stored.bytes + n * k * problem.b.bytes + m * n * 2
        return cls(
            blocks=tiles * work.splits,
            k_tiles=-(-k // work.block_k // work.splits),
            moved_bytes=batches * moved,
            element_bytes=problem.a.bytes,
            copy_bytes=min(
                problem.a_vector * problem.a.bytes, problem.b_vector * problem.b.bytes, COPY_BYTES
            ),
        )


def microseconds(problem: Problem, work: Work, target: ArchSpec) -> float:
    """Expected time of PROBLEM at its optimal sizes."""
    return expected(Load.of(problem, work), work, target)


def expected(load: Load, work: Work, target: ArchSpec) -> float:
    """Expected microseconds of LOAD."""
    own_blocks = -(-load.blocks // target.multiprocessors)
    waves = -(-load.blocks // (target.multiprocessors * work.resident))
    busy = own_blocks * _units(load, work, target)
    waiting = waves * _latencies(load, work, target.fitted.contraction)
    cycles = _norm(PHASES_NORM, busy, waiting)
    memory = load.moved_bytes / target.bytes_per_second * 1e6
    return target.fitted.contraction.launch + _norm(UNITS_NORM, cycles / target.clock, memory)


def _units(load: Load, work: Work, target: ArchSpec) -> float:
    """Cycles that the units of a multiprocessor are busy with one block."""
    constants, shared_bytes = target.fitted.contraction, target.fitted.shared_bytes
    copied = (work.block_m + work.block_n) * work.block_k * load.element_bytes
    narrow = 1 + constants.narrow * (COPY_BYTES / load.copy_bytes - 1)
    products = (
        2.0 * work.block_m * work.block_n * work.block_k / (work.flops_per_clock * constants.efficiency)
    )
    shared = (copied * narrow + work.shared_bytes) / shared_bytes
    per_tile = _norm(UNITS_NORM, products, shared, copied / constants.l2_bytes)
    sums = work.block_m * work.block_n * 4
    partial = sums * 2 / constants.l2_bytes if work.splits > 1 else 0.0
    return load.k_tiles * per_tile + sums * (1 + work.groups) / shared_bytes + partial


def _latencies(load: Load, work: Work, constants: ContractionFit) -> float:
    """Cycles from a block's start to its end when it waits for nothing but itself."""
    per_tile = max(constants.memory_latency / (work.stages - 1), work.steps * constants.step_latency)
    sums = work.block_m * work.block_n * 4
    split = constants.split + sums * (work.splits + 1) / constants.l2_bytes if work.splits > 1 else 0.0
    return constants.start + load.k_tiles * per_tile + sums / work.threads * constants.finish + split


def _norm(order: float, *values: float) -> float:
    return float(sum(value**order for value in values) ** (1 / order))
