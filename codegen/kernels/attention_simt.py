"""Attention in f32, one pass over the keys, without tensor cores.

As exact as f32 products around a softmax, with none of the scores in memory. A block has 128
threads, 16 along the queries and 8 along the keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...dialects.core.affine import may_be_empty
from ...dialects.core.dtypes import F32
from ..affine_c import dim_to_c
from ..arch.spec import ArchSpec
from ..literals import literal
from ..render import Code, Identifier
from .attention import BatchAxis, MaskSpec, OperandSpec, batch_axes, mask_spec, operand_spec
from .attention_problem import AttentionProblem, at_optimum
from .describe import title
from .family import Request
from .signature import Signature

TEMPLATE = "kernels/attention_simt.cu.j2"
THREADS = 128
ALONG_S, ALONG_T = 16, 8  # threads
PADDING = 4  # elements behind each row in shared memory
STAGES = 2
DEPTH_STEP, WIDTH_STEP = 4, 32  # features come in quads; a row's eight threads have a quad each

LAUNCH = 0.9  # microseconds
START = 1500.0  # cycles until queries and the first keys have landed
PRODUCTS_PER_CLOCK = 64.0  # of a multiprocessor, at half of its rate
SCORE_CYCLES = 0.35  # of a multiprocessor, for softmax


@dataclass(frozen=True)
class SimtAttentionConfig:
    """Queries and keys of one thread."""

    rows: int
    columns: int

    @property
    def threads(self) -> int:
        return THREADS

    @property
    def block_s(self) -> int:
        return ALONG_S * self.rows

    @property
    def block_t(self) -> int:
        return ALONG_T * self.columns


@dataclass(frozen=True)
class SimtAttentionSpec:
    """What the template is given."""

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    rows: int
    columns: int
    queries: Code
    key_count: Code
    checked: bool
    batch: tuple[BatchAxis, ...]
    q: OperandSpec
    k: OperandSpec
    v: OperandSpec
    y: OperandSpec
    mask: MaskSpec | None
    scale: Code
    causal: bool
    guarded: bool
    keyless: bool


def configurations() -> Iterator[SimtAttentionConfig]:
    """The combinations worth proposing."""
    for rows in (4, 2, 1):
        yield SimtAttentionConfig(rows, 4)


def legal(problem: AttentionProblem, target: ArchSpec) -> list[SimtAttentionConfig]:
    """Configurations that fit shared memory."""
    return [config for config in configurations() if shared_bytes(problem, config) <= target.shared_bytes]


def padded(features: int, step: int) -> int:
    """FEATURES in whole STEPs."""
    return -(-features // step) * step


def shared_bytes(problem: AttentionProblem, config: SimtAttentionConfig) -> int:
    """Dynamic shared memory: queries, tiles of keys and values, weights."""
    depth = padded(problem.depth, DEPTH_STEP) + PADDING
    width = padded(problem.width, WIDTH_STEP) + PADDING
    tiles = STAGES * config.block_t * (depth + width)
    return F32.bytes * (config.block_s * (depth + config.block_t + PADDING) + tiles)


def cost(problem: AttentionProblem, config: SimtAttentionConfig, request: Request) -> float:
    """Expected microseconds at the optimal sizes."""
    keys, queries, batches = (
        at_optimum(dim, request) for dim in (problem.keys, problem.queries, problem.batches)
    )
    blocks = batches * -(-queries // config.block_s)
    if problem.causal:
        keys = max(1, keys // 2)
    scores = config.block_s * keys
    features = padded(problem.depth, DEPTH_STEP) + padded(problem.width, WIDTH_STEP)
    # The fewer queries a thread has, the more it reads from shared memory for each product.
    slowdown = 0.5 + 2.0 / config.rows
    cycles = scores * (features / PRODUCTS_PER_CLOCK * slowdown + SCORE_CYCLES)
    waves = -(-blocks // request.target.multiprocessors)
    return LAUNCH + (START + waves * cycles) / request.target.clock


def specialize(
    request: Request, problem: AttentionProblem, config: SimtAttentionConfig, signature: Signature
) -> SimtAttentionSpec:
    """The spec of PROBLEM under CONFIG, which must be legal."""
    names = signature.symbols
    depth, width = padded(problem.depth, DEPTH_STEP), padded(problem.width, WIDTH_STEP)
    return SimtAttentionSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        index_type=Identifier(signature.index_type),
        rows=config.rows,
        columns=config.columns,
        queries=Code(dim_to_c(problem.queries, names)),
        key_count=Code(dim_to_c(problem.keys, names)),
        checked=not isinstance(problem.keys, int) or problem.keys % config.block_t != 0,
        batch=batch_axes(problem, signature),
        q=operand_spec(problem.q, signature, problem.depth, depth),
        k=operand_spec(problem.k, signature, problem.depth, depth),
        v=operand_spec(problem.v, signature, problem.width, width),
        y=operand_spec(problem.y, signature, problem.width, width, output=True, most=4),
        mask=None if problem.mask is None else mask_spec(problem.mask, problem.fill, signature),
        scale=Code(literal(problem.scale, F32)),
        causal=problem.causal,
        guarded=problem.guarded,
        keyless=may_be_empty(problem.keys, request.ranges),
    )
