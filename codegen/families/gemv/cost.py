"""The cost model of products of few rows: weights come from memory once, as fast as loads are in flight."""

from __future__ import annotations

from ...arch.spec import ArchSpec
from ..contraction.problem import Problem
from ..contraction.tile import tiles_of
from .config import LINE_BYTES, GemvConfig, resident, step_of


def microseconds(problem: Problem, config: GemvConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM at its optimal sizes under CONFIG on TARGET."""
    fit = target.fitted.gemv
    blocks = problem.at_optimum(tiles_of(problem, config.block_m, config.block_n)) * config.splits
    own = -(-blocks // target.multiprocessors)
    k = problem.at_optimum(problem.k)
    steps = -(-k // step_of(problem) // (config.warps * config.splits))
    flight = min(own, resident(problem, config, target)) * config.threads * LINE_BYTES // 2 * config.tiles
    rate = target.bytes_per_second * 1e-6 * fit.efficiency * min(1.0, flight / fit.flight)
    even = own * target.multiprocessors / blocks  # the fullest multiprocessor, against the average
    weights = config.block_n * (k // config.splits) * problem.b.bytes * blocks
    rows = blocks * min(config.block_m, problem.at_optimum(problem.m)) * (k // config.splits)
    copied = (weights + rows * problem.a.bytes) / (target.multiprocessors * fit.l2_bandwidth * target.clock)
    busy = even * max(weights / rate, copied)
    latency = fit.start + steps * fit.step + config.warps * fit.warp
    if config.splits > 1:
        latency += target.fitted.contraction.exchange
    return fit.launch + busy + latency / target.clock
