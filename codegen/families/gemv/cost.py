"""The cost model of products of few rows: weights come from memory once, as fast as loads are in flight."""

from __future__ import annotations

from ...arch.fitted import GemvFit
from ...arch.spec import ArchSpec
from ..contraction.problem import Problem
from ..contraction.tile import tiles_of
from .config import (
    LINE_BYTES,
    GemvConfig,
    blocks_of,
    blocks_of_one,
    columns_of,
    resident,
    shared_layout,
    step_of,
)

NORM = 4.0  # order of the norm over what overlaps


def microseconds(problem: Problem, config: GemvConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM at its optimal sizes under CONFIG on TARGET."""
    return expected(problem, config, target, target.fitted.gemv)


def expected(problem: Problem, config: GemvConfig, target: ArchSpec, constants: GemvFit) -> float:
    """Expected microseconds of PROBLEM at its optimal sizes under CONFIG on TARGET, with CONSTANTS."""
    return (bulk if config.stages else streamed)(problem, config, target, constants)


def bulk(problem: Problem, config: GemvConfig, target: ArchSpec, constants: GemvFit) -> float:
    """The same where bulk copies bring the weights, before the rows are there, as memory gives them.

    Behind another such launch it takes as long as its weights, or as what follows the rows one after another.
    """
    blocks, own = blocks_of(problem, config), blocks_of_one(problem, config, target)
    k = problem.at_optimum(problem.k)
    steps = -(-k // step_of(problem) // (config.warps * config.splits))
    tiles = problem.at_optimum(tiles_of(problem, config.block_m, columns_of(problem, config)))
    weights = config.block_n * k * problem.b.bytes * tiles
    rows = config.block_m * (k // config.splits) * problem.a.bytes
    busy = min(blocks, target.multiprocessors)
    efficiency = constants.turn_efficiency if config.turns > 1 else constants.bulk_efficiency
    stream = _norm(
        weights / (target.bytes_per_second * 1e-6 * efficiency),
        weights / (busy * constants.bulk_bandwidth * target.clock),
    )
    # Where a block follows another on its multiprocessor, memory rests while one ends and the other begins.
    later = max(0, own - resident(problem, config, target))
    stream += (later * constants.follow + (config.turns - 1) * constants.turn) / target.clock
    chain = constants.bulk_start + steps * constants.bulk_step + rows / constants.row_bandwidth
    chain += (own - 1) * constants.block + (config.splits - 1) * constants.bulk_exchange
    if 2 * blocks > target.multiprocessors:
        chain += constants.crowd
    computed = shared_layout(problem, config).lines
    if computed:
        passes = 1 if computed == 1 else -(-computed // config.warps)
        chain += constants.rows_start + passes * constants.rows_pass
    return _norm(stream, chain / target.clock)


def _norm(*values: float) -> float:
    return float(sum(value**NORM for value in values) ** (1 / NORM))


def streamed(problem: Problem, config: GemvConfig, target: ArchSpec, constants: GemvFit) -> float:
    """The same where threads load the weights."""
    blocks = problem.at_optimum(tiles_of(problem, config.block_m, config.block_n)) * config.splits
    own = -(-blocks // target.multiprocessors)
    k = problem.at_optimum(problem.k)
    steps = -(-k // step_of(problem) // (config.warps * config.splits))
    flight = min(own, resident(problem, config, target)) * config.threads * LINE_BYTES // 2 * config.tiles
    rate = target.bytes_per_second * 1e-6 * constants.efficiency * min(1.0, flight / constants.flight)
    even = own * target.multiprocessors / blocks  # the fullest multiprocessor, against the average
    weights = config.block_n * (k // config.splits) * problem.b.bytes * blocks
    rows = blocks * min(config.block_m, problem.at_optimum(problem.m)) * (k // config.splits)
    copied = (weights + rows * problem.a.bytes) / (
        target.multiprocessors * constants.l2_bandwidth * target.clock
    )
    busy = even * max(weights / rate, copied)
    latency = constants.start + steps * constants.step + config.warps * constants.warp
    if config.splits > 1:
        latency += constants.exchange
    return constants.launch + busy + latency / target.clock
