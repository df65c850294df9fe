"""The cost model of persistent attention.

A block takes its tiles of queries one after another. Products of one warpgroup overlap the softmax of
another, and those with the values of one tile the softmax of the next.
"""

from __future__ import annotations

import math

from ...arch.spec import ArchSpec
from ...request.request import Request
from ..attention.problem import AttentionProblem, at_optimum
from ..attention.spec import padded
from ..contraction.wgmma import LINE_BYTES, ROWS
from .config import PersistentAttentionConfig, depth_step, panels, width_of


def microseconds(problem: AttentionProblem, config: PersistentAttentionConfig, request: Request) -> float:
    """Expected microseconds of PROBLEM under CONFIG, at the optimal sizes of REQUEST."""
    keys, queries, batches = (
        at_optimum(dim, request) for dim in (problem.keys, problem.queries, problem.batches)
    )
    target = request.target
    fit = target.fitted.persistent_attention
    query_tiles = -(-queries // config.block_s)
    attended = [
        min(keys, (tile + 1) * config.block_s) if problem.causal else keys for tile in range(query_tiles)
    ]
    tiles = sum(-(-last // config.keys) for last in attended) / query_tiles
    slots = target.multiprocessors * config.resident
    own = -(-batches * query_tiles // slots)  # tiles of queries of a block
    side = config.resident if batches * query_tiles > target.multiprocessors else 1
    cycles = fit.start + own * tiles * _tile(problem, config, side, target)
    moved = batches * (queries + keys) * (problem.depth + problem.width) * problem.math.bytes
    memory = moved / target.bytes_per_second * 1e6
    return fit.launch + math.hypot(cycles / target.clock, memory)


def _tile(problem: AttentionProblem, config: PersistentAttentionConfig, side: int, target: ArchSpec) -> float:
    """Cycles of a multiprocessor for a tile of keys of each of SIDE blocks."""
    fit = target.fitted.persistent_attention
    features = padded(problem.depth, depth_step(problem.depth)) + width_of(problem.width)
    products = 2.0 * ROWS * config.keys * features / (target.fitted.throughput.wgmma * fit.efficiency)
    softmax = config.keys * (fit.softmax + (0.0 if problem.mask is None else fit.mask))
    groups = config.groups * side
    alone = products + softmax + fit.latency
    lines = panels(problem.depth) + panels(problem.width)
    load = side * config.keys * lines * LINE_BYTES / fit.l2_bandwidth
    beside = math.hypot(groups * products, groups * softmax) + fit.turn / max(1, groups - 1)
    return math.hypot(max(alone, beside), load)
