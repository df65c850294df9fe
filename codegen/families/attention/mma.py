"""Attention in one pass over the keys, on tensor cores (mma.sync, sm_80 and later).

Each warp holds 16 queries and the accumulators of their results in registers; keys and values stream through
shared memory. Scores never leave the registers: softmax is computed online, and the accumulators are rescaled
whenever a larger score appears (Milakov and Gimelshein, "Online normalizer calculation for softmax"; Dao et
al., "FlashAttention").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ....dialects.core.dtypes import F32, DType
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.request import Request
from ...text.render import Template
from ..kernel_family import Rank
from .problem import MATH, AttentionProblem, at_optimum
from .product import AttentionProduct
from .spec import AttentionProductSpec, padded
from .weights import WeightsSpec, weights_spec

TEMPLATE = Template("lib/attention/mma.cu.j2")
QUERIES = 16  # queries of one warp
FEATURES = 16  # features of one mma step
MOST_STORED = 8  # results of the widest vectorized store
HELD = 128  # features of queries that stay in registers; of more, each tile of keys reads them again
MOST_HELD = 288  # columns of accumulators and scores of a warp; more would spill
PADDING = 8  # elements of padding per row in shared memory, so that ldmatrix has no bank conflicts


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

    reloads: queries are read from shared memory for each tile of keys.
    """

    warps_s: int
    warps_t: int
    keys: int
    stages: int
    reloads: bool
    weights: WeightsSpec


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

    def holds(self, problem: AttentionProblem, config: AttentionConfig) -> bool:
        return padded(problem.width, FEATURES) + config.keys <= MOST_HELD

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
        target = request.target
        blocks = batches * -(-queries // config.block_s)
        tiles = -(-keys // config.block_t)
        if problem.causal:
            tiles = max(1, tiles // 2)
        shared, fit = self.shared_bytes(problem, config), target.fitted
        room = target.limits.resident(config.threads, shared, fit.registers.attention)
        resident = max(1, min(fit.attention.resident, room))
        full, rest = divmod(blocks, target.multiprocessors * resident)
        cycles = full * _wave(problem, config, tiles, resident, target)
        if rest:
            cycles += _wave(problem, config, tiles, -(-rest // target.multiprocessors), target)
        features = problem.depth + problem.width
        moved = batches * (queries + keys) * features * 2
        memory = moved / target.bytes_per_second * 1e6
        return fit.attention.launch + max(cycles / target.clock, memory)

    def spec(self, problem: AttentionProblem, config: AttentionConfig) -> MmaAttentionSpec:
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
            reloads=padded(problem.depth, FEATURES) > HELD,
            weights=weights_spec(problem),
        )


def _wave(
    problem: AttentionProblem, config: AttentionConfig, tiles: int, resident: int, target: ArchSpec
) -> float:
    """Cycles until the RESIDENT blocks of a multiprocessor of TARGET have finished TILES tiles each."""
    fit, schedulers = target.fitted.attention, target.limits.schedulers
    rate = target.fitted.throughput.mma / 2 / schedulers
    features = padded(problem.depth, FEATURES) + padded(problem.width, FEATURES)
    products = QUERIES * config.keys * features / rate
    softmax = QUERIES * config.keys / 32 * fit.softmax
    warps = -(-config.warps_s * config.warps_t * resident // schedulers)
    copied = resident * config.block_t * features * 2 / fit.l2_bandwidth
    latency = fit.tile_latency / (config.stages - 1) + products + softmax
    tile = max(latency, warps * max(products, softmax) * fit.contention, copied)
    return fit.start + tiles * tile + (fit.merge * config.warps_t if config.warps_t > 1 else fit.merge / 2)


MMA = MmaAttention()
