"""Attention in one pass over the keys, on tensor cores (mma.sync, sm_80 and later).

Each warp holds 16 queries and the sums of their results in registers; keys and values stream
through shared memory. Scores never leave the registers: softmax runs along with the products, its
sums rescaled whenever a larger score comes up (Milakov and Gimelshein, "Online normalizer
calculation for softmax"; Dao et al., "FlashAttention").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, may_be_empty
from ...dialects.core.dtypes import BOOL, F32
from ...dialects.graph.attention import FAR
from ..affine_c import dim_to_c, factor_to_c
from ..arch.spec import ArchSpec
from ..literals import c_type, literal
from ..render import Code, Identifier
from .attention_problem import MATH, AttentionProblem, Operand, at_optimum
from .describe import title
from .family import Request
from .signature import Signature

TEMPLATE = "kernels/attention_mma.cu.j2"
QUERIES = 16  # of one warp
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
class BatchAxis:
    """One of the dimensions of the batch: its index variable and extent."""

    name: Identifier
    extent: Code


@dataclass(frozen=True)
class OperandSpec:
    """An operand as the template reads it: base and row step in elements; `features` columns of
    `padded`, moved `vector` at a time, by cp.async when `asynchronous`."""

    name: Identifier
    type: Identifier
    base: Code
    row: Code
    column: Code
    features: int
    padded: int
    vector: int
    bytes: int
    asynchronous: bool
    rows_first: bool


@dataclass(frozen=True)
class MaskSpec:
    """The mask: added as it is, or `boolean`; `shared_row` when all queries have the same; `fill`
    is what scores become where a boolean is false."""

    name: Identifier
    type: Identifier
    boolean: bool
    base: Code
    row: Code
    column: Code
    vector: int
    shared_row: bool
    fill: Code


@dataclass(frozen=True)
class AttentionSpec:
    """What the template is given."""

    name: Identifier
    title: Code
    parameters: Code
    math: Identifier
    index_type: Identifier
    threads: int
    warps_s: int
    warps_t: int
    keys: int
    stages: int
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
    factor: Code
    far: Code
    late_scale: bool
    rounded: bool
    causal: bool
    guarded: bool
    keyless: bool


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


def padded(features: int) -> int:
    """FEATURES in whole steps of the tensor core."""
    return -(-features // 16) * 16


def shared_bytes(problem: AttentionProblem, config: AttentionConfig) -> int:
    """Dynamic shared memory: the pipeline, and afterwards in its place the sums of all warps."""
    depth, width = padded(problem.depth) + PADDING, padded(problem.width) + PADDING
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
    features = padded(problem.depth) + padded(problem.width)
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
    names = signature.symbols
    columns = padded(problem.depth), padded(problem.width)
    late = problem.mask is None and problem.scale > 0  # the largest score is that of the largest product
    return AttentionSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        math=Identifier(MATH[problem.math]),
        index_type=Identifier(signature.index_type),
        threads=config.threads,
        warps_s=config.warps_s,
        warps_t=config.warps_t,
        keys=config.keys,
        stages=config.stages,
        queries=Code(dim_to_c(problem.queries, names)),
        key_count=Code(dim_to_c(problem.keys, names)),
        checked=not isinstance(problem.keys, int) or problem.keys % config.block_t != 0,
        batch=batch_axes(problem, signature),
        q=operand_spec(problem.q, signature, problem.depth, columns[0]),
        k=operand_spec(problem.k, signature, problem.depth, columns[0]),
        v=operand_spec(problem.v, signature, problem.width, columns[1]),
        y=operand_spec(problem.y, signature, problem.width, columns[1], output=True),
        mask=None if problem.mask is None else mask_spec(problem.mask, problem.fill, signature),
        scale=Code(literal(problem.scale, F32)),
        factor=Code(literal((problem.scale if late else 1.0) * math.log2(math.e), F32)),
        far=Code(literal(FAR * math.log2(math.e), F32)),
        late_scale=late,
        rounded=problem.rounded,
        causal=problem.causal,
        guarded=problem.guarded,
        keyless=may_be_empty(problem.keys, request.ranges),
    )


def batch_axes(problem: AttentionProblem, signature: Signature) -> tuple[BatchAxis, ...]:
    """The dimensions of the batch for a template, outermost first."""
    return tuple(
        BatchAxis(Identifier(f"b{number}"), Code(factor_to_c(extent, signature.symbols)))
        for number, extent in enumerate(problem.extents)
    )


def operand_spec(
    operand: Operand,
    signature: Signature,
    features: int,
    wide: int,
    output: bool = False,
    most: int = 8,
) -> OperandSpec:
    """OPERAND for a template, with WIDE columns in shared memory, at most MOST of them moved at once."""
    names = signature.symbols
    vector = min(operand.vector, most)
    buffers = signature.outputs if output else signature.inputs
    return OperandSpec(
        name=Identifier(buffers[operand.index]),
        type=Identifier(c_type(operand.dtype)),
        base=_base(operand, names),
        row=Code(factor_to_c(operand.row, names)),
        column=Code(factor_to_c(operand.column, names)),
        features=features,
        padded=wide,
        vector=vector,
        bytes=vector * operand.dtype.bytes,
        asynchronous=vector * operand.dtype.bytes >= 4 and not output,
        rows_first=operand.column != 1 and operand.row == 1,
    )


def mask_spec(mask: Operand, fill: float, signature: Signature) -> MaskSpec:
    """The mask for a template."""
    names = signature.symbols
    return MaskSpec(
        name=Identifier(signature.inputs[mask.index]),
        type=Identifier(c_type(mask.dtype)),
        boolean=mask.dtype == BOOL,
        base=_base(mask, names),
        row=Code(factor_to_c(mask.row, names)),
        column=Code(factor_to_c(mask.column, names)),
        vector=min(mask.vector, 2),
        shared_row=mask.row == 0,
        fill=Code(literal(fill, F32)),
    )


def _base(operand: Operand, names: dict[str, str]) -> Code:
    """The element at which the matrix of the batch entry (b0, b1, ..) begins."""
    parts = _terms(operand.offset, operand.batch, names)
    return Code(" + ".join(parts) or "0")


def _terms(offset: Dim, steps: Sequence[Dim], names: dict[str, str]) -> list[str]:
    parts = [dim_to_c(offset, names)] if offset != 0 else []
    for number, step in enumerate(steps):
        if step != 0:
            factor = factor_to_c(step, names)
            parts.append(f"Offset(b{number})" + ("" if factor == "1" else f" * {factor}"))
    return parts
