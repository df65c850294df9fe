"""Tiles whose k the blocks of a cluster share, for products of fewer tiles than multiprocessors.

With few rows, tiles that are small enough to keep all multiprocessors busy copy every operand many times.
Larger ones, of which each block of a cluster multiplies a part of k, copy less, and as fast as many blocks
can. The blocks send each other sums through distributed shared memory, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ...arch.spec import ArchSpec
from ..contraction.problem import Problem
from ..contraction.tile import tiles_of
from .config import MOST_STAGES, SPLITS, PersistentConfig, fitted, illegal, misfit
from .depth import block_k_of

# Block tile and warpgroups that share it: sums of wider ones take longer to send than their operands to copy.
_SHAPES: tuple[tuple[int, int, int], ...] = (
    (64, 64, 1), (64, 128, 1), (128, 64, 2), (128, 96, 2), (128, 128, 2)
)  # fmt: skip
WIDE_CLUSTER = 3  # blocks of a cluster, from which some multiprocessors have no place for one


def split_shapes(problem: Problem, target: ArchSpec, buffers: int) -> Iterator[PersistentConfig]:
    """Configurations for PROBLEM whose tiles are shared by clusters, all of which run at the same time, with
    as many stages and BUFFERS of results as fit."""
    if not buffers:
        return
    block_k = block_k_of(problem)
    depth = block_k * problem.a.bytes
    for (m, n, groups), splits in product(_SHAPES, SPLITS):
        config = PersistentConfig(
            m, n, block_k, groups, 1, MOST_STAGES, buffers=buffers, depth=depth, splits=splits
        )
        config = fitted(config, target.shared_bytes)
        fits = illegal(config, target.shared_bytes) is None and misfit(problem, config) is None
        if fits and problem.at_optimum(tiles_of(problem, m, n)) <= split_room(config, target):
            yield config


def split_room(config: PersistentConfig, target: ArchSpec) -> int:
    """The clusters of CONFIG that TARGET has room for at a time."""
    share = target.fitted.wgmma.cluster_room if config.splits >= WIDE_CLUSTER else 1.0
    return int(target.multiprocessors * share) // config.splits
