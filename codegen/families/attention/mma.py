"""Attention in one pass over the keys, on tensor cores (mma.sync, sm_80 and later).

Each warp holds 16 queries and the accumulators of their results in registers; keys and values stream through
shared memory. Scores never leave the registers: softmax is computed online, and the accumulators are rescaled
whenever a larger score appears (Milakov and Gimelshein, "Online normalizer calculation for softmax"; Dao et
al., "FlashAttention").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ....dialects.core.dtypes import F32, DType
from ....dialects.graph.attention import FAR
from ...arch.features import Feature
from ...request.request import Request
from ...text.literals import literal
from ...text.render import Code, Template
from ..kernel_family import Rank
from .problem import MATH, AttentionProblem, at_optimum
from .product import AttentionProduct
from .spec import AttentionProductSpec, padded

TEMPLATE = Template("lib/attention/mma.cu.j2")
QUERIES = 16  # queries of one warp
FEATURES = 16  # features of one mma step
MOST_STORED = 8  # results of the widest vectorized store
PADDING = 8  # elements of padding per row in shared memory, so that ldmatrix has no bank conflicts

LAUNCH = 0.9  # launch latency in microseconds
START = 1500.0  # cycles until the queries and the first keys have arrived
MERGE = 700.0  # cycles to combine the results of warps that share queries
PRODUCTS_PER_CLOCK = 325.0  # multiply-adds of a quarter of a multiprocessor
SOFTMAX_CYCLES = 13.0  # cycles of a warp per score that a thread holds
TILE_LATENCY = 350.0  # cycles of a tile's barrier, first loads and reductions along rows
L2_BYTES = 42.0  # L2 bandwidth, bytes per clock and multiprocessor


@dataclass(frozen=True)
class AttentionConfig:
    """A configuration: warps along the queries (s) and keys (t) of a tile, keys per warp, pipeline stages."""

    warps_s: int
    warps_t: int
    keys: int
    stages: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return 32 * self.warps_s * self.warps_t

    @property
    def block_s(self) -> int:
        """Queries of a block."""
        return QUERIES * self.warps_s

    @property
    def block_t(self) -> int:
        """Keys of a tile."""
        return self.keys * self.warps_t


@dataclass(frozen=True)
class MmaAttentionSpec(AttentionProductSpec):
    """The products of attention by mma.sync.

    factor: what a score is multiplied by to become an exponent of 2; it includes the scale of the scores
    where that can be applied so late (`late_scale`). far: the magnitude beyond which a row's largest exponent
    is rounded too coarsely to be subtracted from the others.
    """

    warps_s: int
    warps_t: int
    keys: int
    stages: int
    factor: Code
    far: Code
    late_scale: bool
    rounded: bool


@dataclass(frozen=True, kw_only=True)
class MmaAttention(AttentionProduct[AttentionConfig]):
    """Attention of 16-bit floats on tensor cores."""

    name: str = "attention_mma"
    template: Template = TEMPLATE
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.LDMATRIX, Feature.MMA_F16, Feature.MMA_BF16})
    operands: frozenset[DType] = frozenset(MATH)
    config_type: Callable[..., AttentionConfig] = AttentionConfig

    def configurations(self) -> Iterator[AttentionConfig]:
        for warps_s, warps_t in ((1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1)):
            for keys in (64, 32):
                for stages in (2, 3):
                    yield AttentionConfig(warps_s, warps_t, keys, stages)

    def shared_bytes(self, problem: AttentionProblem, config: AttentionConfig) -> int:
        """Dynamic shared memory of a block in bytes: the larger of the pipeline and all warps' accumulators.

        Both use the same memory, one after the other.
        """
        depth, width = padded(problem.depth, FEATURES) + PADDING, padded(problem.width, FEATURES) + PADDING
        pipeline = 2 * (config.block_s * depth + config.stages * config.block_t * (depth + width))
        merged = config.warps_t * config.block_s * (width + 2) * F32.bytes
        return max(pipeline, merged)

    def cost(self, problem: AttentionProblem, config: AttentionConfig, request: Request) -> float:
        keys, queries, batches = (
            at_optimum(dim, request) for dim in (problem.keys, problem.queries, problem.batches)
        )
        blocks = batches * -(-queries // config.block_s)
        tiles = -(-keys // config.block_t)
        if problem.causal:
            tiles = max(1, tiles // 2)
        resident = max(1, min(4, request.target.limits.blocks_by_shared(self.shared_bytes(problem, config))))
        resident = max(1, min(resident, 16 // (config.threads // 32)))
        full, rest = divmod(blocks, request.target.multiprocessors * resident)
        cycles = full * _wave(problem, config, tiles, resident)
        if rest:
            cycles += _wave(problem, config, tiles, -(-rest // request.target.multiprocessors))
        features = problem.depth + problem.width
        moved = batches * (queries + keys) * features * 2
        return LAUNCH + max(cycles / request.target.clock, moved / request.target.bytes_per_second * 1e6)

    def spec(self, problem: AttentionProblem, config: AttentionConfig) -> MmaAttentionSpec:
        late = problem.mask is None and problem.scale > 0  # the scale keeps the order of scores
        return MmaAttentionSpec(
            template=self.template,
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


def _wave(problem: AttentionProblem, config: AttentionConfig, tiles: int, resident: int) -> float:
    """Cycles until the `resident` resident blocks of a multiprocessor have finished TILES tiles each."""
    features = padded(problem.depth, FEATURES) + padded(problem.width, FEATURES)
    products = QUERIES * config.keys * features / PRODUCTS_PER_CLOCK
    softmax = QUERIES * config.keys / 32 * SOFTMAX_CYCLES
    warps = -(-config.warps_s * config.warps_t * resident // 4)  # of a quarter of a multiprocessor
    copied = resident * config.block_t * features * 2 / L2_BYTES
    latency = TILE_LATENCY / (config.stages - 1) + products + softmax
    tile = max(latency, warps * max(products, softmax) * 1.15, copied)
    return START + tiles * tile + (MERGE * config.warps_t if config.warps_t > 1 else MERGE / 2)


MMA = MmaAttention()
