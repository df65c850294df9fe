"""How long a contraction takes, from the tile alone: a roofline per wave of blocks, plus latencies."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.affine import ceildiv
from .family import Target
from .geometry import COPY_BYTES, Problem

CLOCK = 1.755e3  # cycles per microsecond
L2_BYTES = 42.0  # per clock and multiprocessor
SHARED_BYTES = 128.0  # per clock and multiprocessor
MEMORY_LATENCY = 900.0  # cycles from a copy's request to its landing, L2 and DRAM mixed
STEP_LATENCY = 38.0  # cycles of one dependent round of fragment loads and products
TILE_LATENCY = 70.0  # cycles of a k tile's barrier and bookkeeping
START = 1400.0  # cycles until a block's first tile has landed
LAUNCH = 0.9  # microseconds
SPLIT_LATENCY = 2200.0  # cycles of the counter's round trip and the last block's reads


@dataclass(frozen=True)
class Work:
    """A configuration as the model sees it. `shared_bytes` are what fragments read of one k tile,
    `steps` the dependent rounds of products in it, `resident` the blocks side by side."""

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


def microseconds(problem: Problem, work: Work, target: Target) -> float:
    """Expected time of PROBLEM at its optimal sizes."""
    m, n, k = (problem.at_optimum(dim) for dim in (problem.m, problem.n, problem.k))
    batches = problem.at_optimum(problem.batches)
    tiles = int(ceildiv(m, work.block_m)) * int(ceildiv(n, work.block_n)) * batches
    k_tiles = -(-int(ceildiv(k, work.block_k)) // work.splits)
    blocks = tiles * work.splits
    full, rest = divmod(blocks, target.multiprocessors * work.resident)
    cycles = full * _wave(problem, work, k_tiles, work.resident)
    if rest:
        cycles += _wave(problem, work, k_tiles, -(-rest // target.multiprocessors))
    moved = batches * (m * k / max(1, problem.taps) * problem.a.bytes + n * k * problem.b.bytes + m * n * 2)
    return LAUNCH + max(cycles / CLOCK, moved / target.bytes_per_second * 1e6)


def _wave(problem: Problem, work: Work, k_tiles: int, side_by_side: int) -> float:
    """Cycles until `side_by_side` blocks of one multiprocessor have finished."""
    copied = (work.block_m + work.block_n) * work.block_k * problem.a.bytes
    narrow = min(problem.a_vector * problem.a.bytes, problem.b_vector * problem.b.bytes)
    copies = copied / narrow * (COPY_BYTES / 8)  # issue slots of narrow copies
    flops = 2.0 * work.block_m * work.block_n * work.block_k
    throughput = max(
        flops / work.flops_per_clock,
        (copied + work.shared_bytes) / SHARED_BYTES,
        copied / L2_BYTES,
        copies / 4 if narrow < COPY_BYTES else 0.0,
    )
    latency = MEMORY_LATENCY / (work.stages - 1) + TILE_LATENCY
    dependent = work.steps * STEP_LATENCY + TILE_LATENCY
    per_tile = max(side_by_side * throughput, latency, dependent)
    sums = work.block_m * work.block_n * 4
    finish = side_by_side * sums * (work.groups + 2) / SHARED_BYTES + 400
    if work.splits > 1:
        finish += SPLIT_LATENCY + sums * (work.splits + 1) / L2_BYTES
    return START + k_tiles * per_tile + finish
