"""The cost model of persistent attention.

A block takes its tiles of queries one after another. Products of one warpgroup overlap the softmax of
another, and those with the values of one tile the softmax of the next.
"""

from __future__ import annotations

import math

from ...arch.fitted import PersistentAttentionFit
from ...arch.spec import ArchSpec
from ...request.request import Request
from ..attention.problem import AttentionProblem, at_optimum
from ..attention.spec import padded
from ..contraction.wgmma import LINE_BYTES, ROWS
from .config import FEATURES, PersistentAttentionConfig, depth_step, panels, width_of
from .order import lengths, longest, order_of

Sizes = tuple[int, int, int]  # entries of the batch, queries, keys


def microseconds(problem: AttentionProblem, config: PersistentAttentionConfig, request: Request) -> float:
    """Expected microseconds of PROBLEM under CONFIG, at the optimal sizes of REQUEST."""
    target = request.target
    return expected(problem, config, sizes_of(problem, request), target, target.fitted.persistent_attention)


def sizes_of(problem: AttentionProblem, request: Request) -> Sizes:
    """The sizes of PROBLEM that REQUEST is tuned for."""
    batches, queries, keys = (
        at_optimum(dim, request) for dim in (problem.batches, problem.queries, problem.keys)
    )
    return batches, queries, keys


def expected(
    problem: AttentionProblem,
    config: PersistentAttentionConfig,
    sizes: Sizes,
    target: ArchSpec,
    fit: PersistentAttentionFit,
) -> float:
    """Expected microseconds on TARGET, by the constants FIT."""
    batches, queries, keys = sizes
    query_tiles = -(-queries // config.block_s)
    slots = target.multiprocessors * config.resident
    side = config.resident if batches * query_tiles > target.multiprocessors else 1
    tile = _tile(problem, config, side, target, fit)
    if problem.causal:
        order = order_of(problem, config, sizes, target.multiprocessors)
        own = longest(lengths(config, sizes, order) * tile + fit.item, slots)
    else:
        own = -(-batches * query_tiles // slots) * (-(-keys // config.keys) * tile + fit.item)
    moved = batches * (queries + keys) * (problem.depth + problem.width) * problem.math.bytes
    memory = moved / target.bytes_per_second * 1e6
    return fit.launch + math.hypot((fit.start + fit.fill * config.keys + own) / target.clock, memory)


def _tile(
    problem: AttentionProblem,
    config: PersistentAttentionConfig,
    side: int,
    target: ArchSpec,
    fit: PersistentAttentionFit,
) -> float:
    """Cycles of a multiprocessor for a tile of keys of each of SIDE blocks."""
    features = padded(problem.depth, depth_step(problem.depth)) + width_of(problem.width)
    products = 2.0 * ROWS * config.keys * features / (target.fitted.throughput.wgmma * fit.efficiency)
    products += fit.issue * (padded(problem.depth, depth_step(problem.depth)) + config.keys) / FEATURES
    softmax = config.keys * (fit.softmax + (0.0 if problem.mask is None else fit.mask))
    groups = config.groups * side
    alone = products + softmax + fit.latency
    alone += (fit.wait if config.groups > 1 else 0.0) + (0.0 if problem.mask is None else fit.mask_latency)
    lines = panels(problem.depth) + panels(problem.width)
    load = side * config.keys * lines * LINE_BYTES / fit.l2_bandwidth
    beside = math.hypot(groups * products, groups * softmax) + fit.turn / max(1, groups - 1)
    return math.hypot(max(alone, beside), load)
