"""Attention in one pass over the keys, on tensor cores (mma.sync, sm_80 and later).

Each warp holds 16 queries and the sums of their results in registers; keys and values stream
through shared memory. Scores never leave the registers: softmax runs along with the products, its
sums rescaled whenever a larger score comes up (Milakov and Gimelshein, "Online normalizer
calculation for softmax"; Dao et al., "FlashAttention").
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ....dialects.core.dtypes import F32
from ....dialects.graph.attention import FAR
from ...arch.spec import ArchSpec
from ...request.request import Request
from ...request.signature import Signature
from ...text.literals import literal
from ...text.render import Code
from .problem import AttentionProblem, at_optimum
from .spec import AttentionProduct, AttentionSpec, AttentionTemplate, attention_spec, padded

TEMPLATE = "kernels/attention.cu.j2"
QUERIES = 16  # of one warp
FEATURES = 16  # of one step of the tensor core
MOST_STORED = 8  # results that a thread stores at a time
PADDING = 8  # elements behind each row in shared memory, so that ldmatrix meets no bank conflict

LAUNCH = 0.9  # microseconds
START = 1500.0  # cycles until queries and the first keys have landed
MERGE = 700.0  # cycles to join the results of warps that share queries
PRODUCTS_PER_CLOCK = 325.0  # multiply-adds of a quarter multiprocessor
SOFTMAX_CYCLES = 13.0  # of a warp, per score that a thread holds
TILE_LATENCY = 350.0  # cycles of a tile's barrier, first loads and reductions along rows
L2_BYTES = 42.0  # per clock and multiprocessor


@dataclass(frozen=True)
class AttentionConfig:
    """Warps along queries and along the keys of a tile, keys of one warp in it, pipeline stages."""

    warps_s: int
    warps_t: int
    keys: int
    stages: int

    @property
    def threads(self) -> int:
        return 32 * self.warps_s * self.warps_t

    @property
    def block_s(self) -> int:
        return QUERIES * self.warps_s

    @property
    def block_t(self) -> int:
        return self.keys * self.warps_t


@dataclass(frozen=True)
class MmaAttention(AttentionProduct):
    """Products of tensor cores. `factor` turns scores into exponents of 2, with their scale where it comes as
    late as that (`late_scale`); exponents beyond `far` are too coarse to be the origin of others."""

    warps_s: int
    warps_t: int
    keys: int
    stages: int
    factor: Code
    far: Code
    late_scale: bool
    rounded: bool


# ---------------------------------------------------------------- configurations


def configurations() -> Iterator[AttentionConfig]:
    """The combinations worth proposing."""
    for warps_s, warps_t in ((1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1)):
        for keys in (64, 32):
            for stages in (2, 3):
                yield AttentionConfig(warps_s, warps_t, keys, stages)


def legal(problem: AttentionProblem, target: ArchSpec) -> list[AttentionConfig]:
    """Configurations that fit shared memory."""
    return [config for config in configurations() if shared_bytes(problem, config) <= target.shared_bytes]


def shared_bytes(problem: AttentionProblem, config: AttentionConfig) -> int:
    """Dynamic shared memory: the pipeline, and afterwards in its place the sums of all warps."""
    depth, width = padded(problem.depth, FEATURES) + PADDING, padded(problem.width, FEATURES) + PADDING
    pipeline = 2 * (config.block_s * depth + config.stages * config.block_t * (depth + width))
    merged = config.warps_t * config.block_s * (width + 2) * F32.bytes
    return max(pipeline, merged)


def cost(problem: AttentionProblem, config: AttentionConfig, request: Request) -> float:
    """Expected microseconds at the optimal sizes."""
    keys, queries, batches = (
        at_optimum(dim, request) for dim in (problem.keys, problem.queries, problem.batches)
    )
    blocks = batches * -(-queries // config.block_s)
    tiles = -(-keys // config.block_t)
    if problem.causal:
        tiles = max(1, tiles // 2)
    resident = max(1, min(4, request.target.limits.blocks_by_shared(shared_bytes(problem, config))))
    resident = max(1, min(resident, 16 // (config.threads // 32)))
    full, rest = divmod(blocks, request.target.multiprocessors * resident)
    cycles = full * _wave(problem, config, tiles, resident)
    if rest:
        cycles += _wave(problem, config, tiles, -(-rest // request.target.multiprocessors))
    features = problem.depth + problem.width
    moved = batches * (queries + keys) * features * 2
    return LAUNCH + max(cycles / request.target.clock, moved / request.target.bytes_per_second * 1e6)


def _wave(problem: AttentionProblem, config: AttentionConfig, tiles: int, side_by_side: int) -> float:
    """Cycles until `side_by_side` blocks of one multiprocessor have finished."""
    features = padded(problem.depth, FEATURES) + padded(problem.width, FEATURES)
    products = QUERIES * config.keys * features / PRODUCTS_PER_CLOCK
    softmax = QUERIES * config.keys / 32 * SOFTMAX_CYCLES
    warps = -(-config.warps_s * config.warps_t * side_by_side // 4)  # of a quarter multiprocessor
    copied = side_by_side * config.block_t * features * 2 / L2_BYTES
    latency = TILE_LATENCY / (config.stages - 1) + products + softmax
    tile = max(latency, warps * max(products, softmax) * 1.15, copied)
    return START + tiles * tile + (MERGE * config.warps_t if config.warps_t > 1 else MERGE / 2)


# ---------------------------------------------------------------- the spec


def specialize(
    request: Request, problem: AttentionProblem, config: AttentionConfig, signature: Signature
) -> AttentionSpec:
    """The spec of PROBLEM under CONFIG, which must be legal."""
    late = problem.mask is None and problem.scale > 0  # the largest score is that of the largest product
    product = MmaAttention(
        template=AttentionTemplate.MMA,
        threads=config.threads,
        block_s=config.block_s,
        block_t=config.block_t,
        depth_step=FEATURES,
        width_step=FEATURES,
        most_stored=MOST_STORED,
        warps_s=config.warps_s,
        warps_t=config.warps_t,
        keys=config.keys,
        stages=config.stages,
        factor=Code(literal((problem.scale if late else 1.0) * math.log2(math.e), F32)),
        far=Code(literal(FAR * math.log2(math.e), F32)),
        late_scale=late,
        rounded=problem.rounded,
    )
    return attention_spec(request, problem, product, signature)
