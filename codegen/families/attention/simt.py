"""Attention of f32 in one pass over the keys, on the scalar units.

It is as accurate as f32 matrix products with a softmax between them, and stores no scores in memory. A block
has 128 threads, 16 along the queries and 8 along the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ....dialects.core.dtypes import F32, DType
from ...request.request import Request
from ...text.render import Template
from ..kernel_family import Rank
from .problem import AttentionProblem, at_optimum
from .product import AttentionProduct
from .spec import AttentionProductSpec, padded

TEMPLATE = Template("lib/attention/simt.cu.j2")
THREADS = 128
ALONG_S, ALONG_T = 16, 8  # threads along queries and keys
PADDING = 4  # elements of padding per row in shared memory
STAGES = 2
MOST_STORED = 4  # results of the widest vectorized store
DEPTH_STEP, WIDTH_STEP = 4, 32  # features are loaded in quads; the eight threads of a row have a quad each


@dataclass(frozen=True)
class SimtAttentionConfig:
    """A configuration: `rows` queries and `columns` keys of a tile per thread."""

    rows: int
    columns: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return THREADS

    @property
    def block_s(self) -> int:
        """Queries of a block."""
        return ALONG_S * self.rows

    @property
    def block_t(self) -> int:
        """Keys of a tile."""
        return ALONG_T * self.columns


@dataclass(frozen=True)
class SimtAttentionSpec(AttentionProductSpec):
    """The products of attention on the scalar units: a thread computes rows x columns scores."""

    rows: int
    columns: int


@dataclass(frozen=True, kw_only=True)
class SimtAttention(AttentionProduct[SimtAttentionConfig]):
    """Attention of f32 on the scalar units."""

    name: str = "attention_simt"
    template: Template = TEMPLATE
    rank: Rank = Rank.SCALAR_UNITS
    operands: frozenset[DType] = frozenset({F32})
    config_type: Callable[..., SimtAttentionConfig] = SimtAttentionConfig
    most_features: int = 128

    def configurations(self) -> Iterator[SimtAttentionConfig]:
        for rows in (4, 2, 1):
            yield SimtAttentionConfig(rows, 4)

    def holds(self, problem: AttentionProblem, config: SimtAttentionConfig) -> bool:
        return max(problem.depth, problem.width) <= self.most_features

    def shared_bytes(self, problem: AttentionProblem, config: SimtAttentionConfig) -> int:
        """Dynamic shared memory of a block in bytes: queries, tiles of keys and values, softmax weights."""
        depth = padded(problem.depth, DEPTH_STEP) + PADDING
        width = padded(problem.width, WIDTH_STEP) + PADDING
        tiles = STAGES * config.block_t * (depth + width)
        return F32.bytes * (config.block_s * (depth + config.block_t + PADDING) + tiles)

    def cost(self, problem: AttentionProblem, config: SimtAttentionConfig, request: Request) -> float:
        keys, queries, batches = (
            at_optimum(dim, request) for dim in (problem.keys, problem.queries, problem.batches)
        )
        blocks = batches * -(-queries // config.block_s)
        if problem.causal:
            keys = max(1, keys // 2)
        scores = config.block_s * keys
        features = padded(problem.depth, DEPTH_STEP) + padded(problem.width, WIDTH_STEP)
        # The fewer queries a thread has, the more it loads from shared memory per multiply-add.
        slowdown = 0.5 + 2.0 / config.rows
        target, fit = request.target, request.target.fitted.simt_attention
        products = target.card.tensor.f32 / 2 * fit.efficiency  # multiply-adds of a multiprocessor per clock
        cycles = scores * (features / products * slowdown + fit.softmax)
        waves = -(-blocks // target.multiprocessors)
        return fit.launch + (fit.start + waves * cycles) / target.clock

    def spec(self, problem: AttentionProblem, config: SimtAttentionConfig) -> SimtAttentionSpec:
        return SimtAttentionSpec(
            template=self.template,
            threads=THREADS,
            block_s=config.block_s,
            block_t=config.block_t,
            depth_step=DEPTH_STEP,
            width_step=WIDTH_STEP,
            most_stored=MOST_STORED,
            rows=config.rows,
            columns=config.columns,
        )


SIMT = SimtAttention()
