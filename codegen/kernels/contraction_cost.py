"""How long a contraction takes, from the tile alone.

Two times of a multiprocessor are added in a norm, because neither hides the other fully: what its
units need for all its blocks, and the latencies of the blocks that run one after another. The
constants were fitted to timings by `benchmarks/contraction_fit.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .family import Target
from .geometry import COPY_BYTES, Problem

CLOCK = 1.755e3  # cycles per microsecond
SHARED_BYTES = 128.0  # per clock and multiprocessor
UNITS_NORM = 4.0  # of the units of a multiprocessor, which overlap well
PHASES_NORM = 1.5  # of throughput and latency


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


FITTED = Constants()


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


def microseconds(problem: Problem, work: Work, target: Target, constants: Constants = FITTED) -> float:
    """Expected time of PROBLEM at its optimal sizes."""
    return expected(Load.of(problem, work), work, target, constants)


def expected(load: Load, work: Work, target: Target, constants: Constants) -> float:
    """Expected microseconds of LOAD."""
    own_blocks = -(-load.blocks // target.multiprocessors)
    waves = -(-load.blocks // (target.multiprocessors * work.resident))
    busy = own_blocks * _units(load, work, constants)
    waiting = waves * _latencies(load, work, constants)
    cycles = _norm(PHASES_NORM, busy, waiting)
    memory = load.moved_bytes / target.bytes_per_second * 1e6
    return constants.launch + _norm(UNITS_NORM, cycles / CLOCK, memory)


def _units(load: Load, work: Work, constants: Constants) -> float:
    """Cycles that the units of a multiprocessor are busy with one block."""
    copied = (work.block_m + work.block_n) * work.block_k * load.element_bytes
    narrow = 1 + constants.narrow * (COPY_BYTES / load.copy_bytes - 1)
    products = (
        2.0 * work.block_m * work.block_n * work.block_k / (work.flops_per_clock * constants.efficiency)
    )
    shared = (copied * narrow + work.shared_bytes) / SHARED_BYTES
    per_tile = _norm(UNITS_NORM, products, shared, copied / constants.l2_bytes)
    sums = work.block_m * work.block_n * 4
    partial = sums * 2 / constants.l2_bytes if work.splits > 1 else 0.0
    return load.k_tiles * per_tile + sums * (1 + work.groups) / SHARED_BYTES + partial


def _latencies(load: Load, work: Work, constants: Constants) -> float:
    """Cycles from a block's start to its end when it waits for nothing but itself."""
    per_tile = max(constants.memory_latency / (work.stages - 1), work.steps * constants.step_latency)
    sums = work.block_m * work.block_n * 4
    split = constants.split + sums * (work.splits + 1) / constants.l2_bytes if work.splits > 1 else 0.0
    return constants.start + load.k_tiles * per_tile + sums / work.threads * constants.finish + split


def _norm(order: float, *values: float) -> float:
    return float(sum(value**order for value in values) ** (1 / order))
